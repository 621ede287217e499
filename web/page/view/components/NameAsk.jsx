/** Asks for a name for the contact right after pairing, without interrupting anything. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call, say } from '../actions.js';

const focusComposer = () => document.querySelector(/** @type {'textarea'} */ ('.composer textarea'))?.focus();

/** @param {{contact: import('../../engine/types.js').ShownContact, suggestion?: string, focus?: boolean}} props */
export function NameAsk({ contact, suggestion, focus = false }) {
  const [name, setName] = useState(suggestion ?? contact.hint);
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useLayoutEffect(() => {
    if (focus) field.current?.focus();
    // After pairing, the screen that had the focus is gone. On a phone, the keyboard would hide what is new.
    else if (document.activeElement === document.body && matchMedia('(pointer: fine)').matches) focusComposer();
  }, []);
  /** @param {Event} event */
  const save = async (event) => {
    event.preventDefault();
    const saving = call('rename', { contact: contact.id, name: name.trim() });
    focusComposer(); // this form goes away
    say(
      await saving.then(
        () => s.settings.saved,
        () => s.unsaved,
      ),
    );
  };
  return (
    <form class="name-ask" data-then=".composer textarea" onSubmit={save}>
      <label for="name-ask">
        {s.thread.nameAsk} <span class="fine">{s.thread.nameAskMore}</span>
      </label>
      <div class="name-ask-line">
        <input
          id="name-ask"
          ref={field}
          class="field"
          dir={name ? 'auto' : undefined}
          value={name}
          maxLength={48}
          placeholder={s.friend(contact.id.slice(-4))}
          autocomplete="off"
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <button type="submit" class="button">
          {s.save}
        </button>
      </div>
    </form>
  );
}
