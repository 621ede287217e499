/* What the signatures of a login cost on this machine, without a server. */
#include "load.h"

static double each_us(double start_s, uint32_t count) {
  return (bench_own_cpu_s() - start_s) * 1e6 / count;
}

int bench_mode_signatures(const bench_options *o) {
  const uint8_t seed[PL_SEED_BYTES] = {1, 2, 3};
  uint8_t transcript[PL_TRANSCRIPT_BYTES] = {4}, signature[PL_SIGNATURE_BYTES];
  pl_identity identity;
  int rc = pl_identity_from_seed(&identity, seed);
  double start = bench_own_cpu_s();
  for (uint32_t i = 0; i < o->sockets; i++) pl_login_sign_client(signature, transcript, &identity);
  double sign = each_us(start, o->sockets);
  start = bench_own_cpu_s();
  for (uint32_t i = 0; i < o->sockets; i++) rc |= pl_login_verify_client(signature, transcript, identity.id);
  double verify = each_us(start, o->sockets);
  start = bench_own_cpu_s();
  for (uint32_t i = 0; i < o->sockets; i++) rc |= pl_id_check(identity.id);
  double check = each_us(start, o->sockets);
  printf("{\"sign_us\":%.2f,\"verify_us\":%.2f,\"check_us\":%.2f}\n", sign, verify, check);
  return rc == 0 ? 0 : 1;
}
