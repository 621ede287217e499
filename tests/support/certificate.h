/* A certificate for tests of TLS: signed by itself, valid for an hour, for no name. */
#ifndef PL_TESTS_CERTIFICATE_H
#define PL_TESTS_CERTIFICATE_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>

/* Makes a key and a certificate for it, which the caller frees. Returns false when that fails. */
static inline bool make_certificate(EVP_PKEY **key, X509 **cert) {
  *key = EVP_EC_gen("P-256");
  *cert = X509_new();
  return *key && *cert && ASN1_INTEGER_set(X509_get_serialNumber(*cert), 1) &&
         X509_gmtime_adj(X509_getm_notBefore(*cert), 0) && X509_gmtime_adj(X509_getm_notAfter(*cert), 3600) &&
         X509_set_pubkey(*cert, *key) && X509_sign(*cert, *key, EVP_sha256()) > 0;
}

#endif
