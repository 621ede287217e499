/** The page's language: as the browser prefers, or chosen on this device. */
import { useId } from 'preact/hooks';
import { chooseLanguage, chosenLanguage, languages, pickLanguage, s } from '../../strings/index.js';
import { store } from '../store.js';

export function LanguageChoice() {
  const id = useId();
  const automatic = languages[pickLanguage(null, navigator.languages ?? []).code].name;
  // The page is drawn anew in the other language, so the focus has to find its way back here.
  const choose = async ({ currentTarget }) => {
    const language = await chooseLanguage(currentTarget.value || null);
    store.set({ language });
    requestAnimationFrame(() => document.querySelector('select.language')?.focus());
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
