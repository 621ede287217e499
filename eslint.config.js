// What finds real mistakes, and nothing that Prettier formats.
import js from '@eslint/js';
import hooks from 'eslint-plugin-react-hooks';
import globals from 'globals';

/** Counts `<Name>` in JSX as a use of the variable `Name`, which ESLint's own scopes do not. */
const componentsAreUsed = {
  create: ({ sourceCode }) => ({
    JSXOpeningElement({ name }) {
      while (name.type === 'JSXMemberExpression') name = name.object;
      if (name.type === 'JSXIdentifier') sourceCode.markVariableAsUsed(name.name, name);
    },
  }),
};

/** Prettier breaks lines of code; what it cannot break is checked here. */
const lines = { code: 120, ignoreTemplateLiterals: true, ignoreRegExpLiterals: true, ignoreComments: true };

export default [
  { ignores: ['build/', 'coverage/', 'data/', 'web/dist/', 'web/client/types/'] },
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'array-callback-return': 'error',
      'no-control-regex': 'off',
      eqeqeq: 'error',
      'max-len': ['error', lines],
      'no-constructor-return': 'error',
      'no-duplicate-imports': 'error',
      'no-self-compare': 'error',
      'no-shadow': ['error', { ignoreOnInitialization: true }],
      'no-template-curly-in-string': 'error',
      'no-throw-literal': 'error',
      'no-unreachable-loop': 'error',
      'no-unused-expressions': ['error', { allowTernary: true, allowShortCircuit: true }],
      'no-unused-vars': ['error', { ignoreRestSiblings: true }],
      'no-use-before-define': ['error', { functions: false, classes: false, variables: false }],
      'no-useless-return': 'error',
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': ['error', { destructuring: 'all' }],
      'prefer-promise-reject-errors': 'error',
    },
  },
  {
    files: ['web/client/**'],
    languageOptions: { globals: { ...globals['shared-node-browser'], WebSocket: 'readonly' } },
  },
  {
    files: ['web/page/**/*.{js,jsx,mjs}'],
    languageOptions: {
      globals: { ...globals.browser },
      parserOptions: { ecmaFeatures: { jsx: true } },
    },
    plugins: { hooks, page: { rules: { 'components-are-used': componentsAreUsed } } },
    rules: {
      'hooks/rules-of-hooks': 'error',
      'page/components-are-used': 'error',
      // An effect runs after the next frame. A key that is pressed before would go to what had the focus.
      'no-restricted-syntax': [
        'error',
        {
          selector: 'CallExpression[callee.name="useEffect"] CallExpression[callee.property.name="focus"]',
          message: 'Move the focus in useLayoutEffect, together with what is shown.',
        },
      ],
      'max-len': ['error', { ...lines, ignoreComments: false }],
    },
  },
  { files: ['web/page/service/**'], languageOptions: { globals: globals.serviceworker } },
  {
    files: ['*.js', 'schema/**', 'tests/**', '**/test/**', 'web/page/*.mjs', 'web/page/icons/**'],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
  },
];
