/* Joins the transport to the engine: what the transport reports becomes a step. */
#ifndef PL_LIB_CLIENT_TRANSPORT_H
#define PL_LIB_CLIENT_TRANSPORT_H

#include "client.h"

int pl_client_open_transport(pairlink *p, const char *ca_file, bool use_proxy) PL_MUST_USE;

#endif
