/** The words that fit the part of a code that was typed; the focus stays in the field. */
import { s } from '../../strings/index.js';

/** @param {number} index */
export const optionId = (index) => `join-option-${index}`;

/** @typedef {import('../../engine/inspect.js').Option} Option */

/** @param {{options: Option[], chosen: number, take: (option: Option) => void}} props */
export function WordOptions({ options, chosen, take }) {
  // The press is handled, because the field would lose the focus before a click.
  /** @type {(option: Option) => (event: Event) => void} */
  const press = (option) => (event) => {
    event.preventDefault();
    take(option);
  };
  return (
    <ul
      id="join-options"
      class="words"
      role="listbox"
      aria-label={s.join.suggestions}
      dir="ltr"
      hidden={options.length === 0}
    >
      {options.map((option, index) => (
        <li
          key={option.word}
          id={optionId(index)}
          class="word"
          role="option"
          aria-selected={index === chosen}
          onPointerDown={press(option)}
          translate={false}
        >
          {option.word}
        </li>
      ))}
    </ul>
  );
}
