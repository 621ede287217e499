import { defineConfig } from 'vitest/config';

/** One project per kind of test: `npx vitest run --project client`. */
const project = (name, include, options = {}) => ({ test: { name, include, environment: 'node', ...options } });

export default defineConfig({
  test: {
    projects: [
      project('client', ['web/client/test/**/*.test.js'], { testTimeout: 120_000 }),
      project('page', ['web/page/**/*.test.js'], { testTimeout: 60_000 }),
      // Real programs on a machine that others use too: patience, and one file at a time.
      project('e2e', ['tests/e2e/*.test.js'], { testTimeout: 120_000, hookTimeout: 120_000, fileParallelism: false }),
      // Several whole browsers beside each other on a machine of two cores: one that was starved is tried once more,
      // and named in the report. What fails twice has failed.
      project('browser', ['tests/e2e/page/**/*.test.js'], {
        testTimeout: 120_000,
        hookTimeout: 120_000,
        fileParallelism: false,
        retry: 1,
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
