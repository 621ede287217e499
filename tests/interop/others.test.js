/** The relay's framing with other clients: Python's websockets, and libwebsockets. */
import { test } from 'vitest';
import { BIN, ROOT, run } from '../support/process.js';
import { join } from 'node:path';
import { judge, useEcho } from './echo.js';

const echo = useEcho();

test("Python's websockets: sizes to 16 MiB, fragments, pings, close codes", { timeout: 120_000 }, async () => {
  judge(
    await run('/usr/bin/python3', [join(ROOT, 'tests/interop/websockets_client.py'), String(echo.port)], {
      ms: 120_000,
    }),
    30,
  );
});

test("libwebsockets' own client: sizes to 16 MiB, fragments, pings, a refused text", { timeout: 120_000 }, async () => {
  judge(
    await run(join(BIN, 'interop_lws_client'), [String(echo.port)], {
      ms: 120_000,
      env: { http_proxy: '', no_proxy: '*' },
    }),
    14,
  );
});
