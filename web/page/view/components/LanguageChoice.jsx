/** Chooses the page's language on this device, or leaves it to the browser. */
import { useId } from 'preact/hooks';
import { chooseLanguage, chosenLanguage, languages, pickLanguage, s } from '../../strings/index.js';
import { store } from '../store.js';

export function LanguageChoice() {
  const id = useId();
  const automatic = languages[pickLanguage(null, navigator.languages ?? []).code].name;
  /** @param {import('preact').TargetedEvent<HTMLSelectElement>} event */
  const choose = async ({ currentTarget }) => {
    const code = /** @type {import('../../strings/index.js').LanguageCode | ''} */ (currentTarget.value);
    const language = await chooseLanguage(code || null);
    store.set({ language });
    // The page is drawn again in the other language, so the focus has to come back here.
    requestAnimationFrame(() => /** @type {HTMLElement | null} */ (document.querySelector('select.language'))?.focus());
  };
  return (
    <section>
      <label for={id}>{s.settings.language}</label>
      <select id={id} class="field language" value={chosenLanguage() ?? ''} onChange={choose}>
        <option value="">{s.settings.languageAuto(automatic)}</option>
        {Object.entries(languages).map(([code, { name }]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
    </section>
  );
}
