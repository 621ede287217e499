/** The words that fit what was typed of a code; the field keeps the focus. */
import { s } from '../../strings/index.js';

export const optionId = (index) => `join-option-${index}`;

export function WordOptions({ options, chosen, take }) {
  // Taken on press, before the field would lose the focus.
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
          translate="no"
        >
          {option.word}
        </li>
      ))}
    </ul>
  );
}
