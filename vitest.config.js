import { defineConfig } from 'vitest/config';

/** One project per kind of test: `npx vitest run --project client`. */
const project = (name, include, options = {}) => ({ test: { name, include, environment: 'node', ...options } });

export default defineConfig({
  test: {
    projects: [
      project('client', ['web/client/test/**/*.test.js'], { testTimeout: 120_000 }),
      project('house', ['tests/house/*.test.js'], { testTimeout: 60_000 }),
      project('page', ['web/page/**/*.test.js'], { testTimeout: 60_000 }),
      // Real programs on a machine that may be busy need long timeouts, and run one file at a time.
      project('e2e', ['tests/e2e/*.test.js'], { testTimeout: 120_000, hookTimeout: 120_000, fileParallelism: false }),
      // Several browsers run beside each other, and on two cores one may be starved. Its test is retried once and named
      // in the report. A test that fails twice has failed.
      project('browser', ['tests/e2e/page/**/*.test.js'], {
        testTimeout: 120_000,
        hookTimeout: 120_000,
        fileParallelism: false,
        retry: 1,
        expect: { poll: { timeout: 15_000 } },
      }),
      project('interop', ['tests/interop/**/*.test.js'], {
        testTimeout: 120_000,
        hookTimeout: 120_000,
        fileParallelism: false,
      }),
      project('bench', ['tests/bench/**/*.test.js'], {
        testTimeout: 120_000,
        hookTimeout: 120_000,
        fileParallelism: false,
      }),
    ],
  },
});
