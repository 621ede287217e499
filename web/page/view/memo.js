import { Component, h } from 'preact';

/**
 * Returns a component that is rendered again only when one of its props has changed, or its own state.
 * @template P @param {import('preact').FunctionComponent<P>} Inner
 */
export const memo = (Inner) =>
  /** @extends {Component<P>} */
  class Memo extends Component {
    /** @param {P} next */
    shouldComponentUpdate(next) {
      return !same(/** @type {any} */ (this.props), /** @type {any} */ (next));
    }
    render() {
      return h(Inner, /** @type {any} */ (this.props));
    }
  };

/** @param {Record<string, unknown>} a @param {Record<string, unknown>} b */
const same = (a, b) => {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.is(a[key], b[key]));
};
