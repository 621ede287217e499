/** Chooses the page's language on this device, or leaves it to the browser. */
import { chooseLanguage, chosenLanguage, languages, pickLanguage, s } from '../../strings/index.js';
import { store } from '../store.js';

export function LanguageChoice() {
  const automatic = languages[pickLanguage(null, navigator.languages ?? []).code].name;
  /** @param {import('preact').TargetedEvent<HTMLSelectElement>} event */
  const choose = async ({ currentTarget }) => {
    const code = /** @type {import('../../strings/index.js').LanguageCode | ''} */ (currentTarget.value);
    const language = await chooseLanguage(code || null);
    store.set({ language });
  };
  return (
    <section>
      <label for="language">{s.settings.language}</label>
      <select id="language" class="field language" value={chosenLanguage() ?? ''} onChange={choose}>
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
