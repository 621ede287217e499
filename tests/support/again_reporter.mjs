import { relative } from 'node:path';

/** Says which tests passed only when they were tried again (vitest.config.js), so that none is unsteady unseen. */
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
