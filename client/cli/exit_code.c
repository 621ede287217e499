#include "exit_code.h"

#include <pairlink.h>

const exit_code_row exit_codes[] = {
    {EXIT_OK, "ok", "success: the other side has everything"},
    {EXIT_OTHER, "other", "something unexpected happened"},
    {EXIT_USAGE, "usage", "wrong usage, or no such contact, ID, link or address"},
    {EXIT_NO_RELAY, "no_relay", "the relay cannot be reached"},
    {EXIT_REFUSED, "refused", "refused by the other side or by the relay"},
    {EXIT_PEER_GONE, "peer_gone", "the other side is gone or did not answer"},
    {EXIT_KEY, "key", "an identity, key or certificate is wrong"},
    {EXIT_IO, "io", "reading or writing on this machine failed"},
    {EXIT_CODE, "wrong_code", "the code is wrong, already used or expired"},
    {EXIT_DISK_FULL, "disk_full", "the disk is full"},
    {EXIT_RELAY_STORE, "relay_store", "the relay answers, but cannot store new IDs right now"},
    {EXIT_INTERRUPTED, "interrupted", "interrupted by Ctrl-C"},
};

const unsigned exit_code_count = sizeof exit_codes / sizeof *exit_codes;

const exit_code_row *exit_code_find(int code) {
  for (unsigned i = 0; i < exit_code_count; i++)
    if (exit_codes[i].code == code) return &exit_codes[i];
  return &exit_codes[EXIT_OTHER];
}

/* The switch has no default on purpose: the compiler rejects a new error that has no exit code. */
int exit_code_of_error(int error) {
  switch ((enum pairlink_error)error) {
    case PAIRLINK_OK:
      return EXIT_OK;
    case PAIRLINK_EINVAL:
    case PAIRLINK_EID:
    case PAIRLINK_ELINK:
    case PAIRLINK_EURL:
    case PAIRLINK_ECODE:
      return EXIT_USAGE;
    case PAIRLINK_ENOCODE:
    case PAIRLINK_EWRONGCODE:
    case PAIRLINK_EBUSY:
      return EXIT_CODE;
    case PAIRLINK_ENETWORK:
      return EXIT_NO_RELAY;
    case PAIRLINK_ESTORE:
      return EXIT_RELAY_STORE;
    case PAIRLINK_EREFUSED:
    case PAIRLINK_EDENIED:
      return EXIT_REFUSED;
    case PAIRLINK_EUNAVAILABLE:
    case PAIRLINK_ECLOSED:
    case PAIRLINK_ETIMEDOUT:
    case PAIRLINK_ELOST:
      return EXIT_PEER_GONE;
    case PAIRLINK_EIDENTITY:
    case PAIRLINK_ERELAYKEY:
    case PAIRLINK_ETLS:
    case PAIRLINK_ECRYPTO:
      return EXIT_KEY;
    case PAIRLINK_EIO:
      return EXIT_IO;
    case PAIRLINK_ENOMEM:
    case PAIRLINK_EAGAIN:
    case PAIRLINK_EMSGSIZE:
    case PAIRLINK_ESTATE:
    case PAIRLINK_EPROTOCOL:
    case PAIRLINK_ESYSTEM:
      return EXIT_OTHER;
  }
  return EXIT_OTHER;
}
