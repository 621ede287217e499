import { relative } from 'node:path';

/**
 * Names the tests that passed only when they were retried (vitest.config.js), so that a flaky test does not go
 * unnoticed.
 */
export default class AgainReporter {
  onTestRunEnd(modules) {
    for (const module of modules)
      for (const test of module.children.allTests('passed'))
        if (test.diagnostic()?.flaky) {
          const errors = (test.result().errors ?? []).map((error) =>
            String(error.stack ?? error.message).slice(0, 2000),
          );
          console.log(
            `passed when tried again: ${relative(process.cwd(), module.moduleId)} > ${test.fullName}\n${errors.join('\n')}`,
          );
        }
  }
}
