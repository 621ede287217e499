/** Buttons to choose files and folders with the system's picker. */
import { useRef } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { chosen, sendFiles } from '../files.js';
import { wait } from '../waiting-files.js';
import { Icon } from './Icon.jsx';

const folders = 'webkitdirectory' in HTMLInputElement.prototype;
/** Makes a file input choose folders. The types of Preact do not know this attribute. */
export const forFolders = { webkitdirectory: true };

/** @param {{contact: import('../../engine/types.js').ShownContact}} props */
export function AttachButtons({ contact }) {
  /** @param {import('../files.js').Chosen[]} list */
  const take = (list) => sendFiles(contact.id, list);
  return (
    <>
      <Picker take={take} icon="clip" label={s.files.attach} />
      {folders && <Picker take={take} icon="folder" label={s.files.attachFolder} folder />}
    </>
  );
}

/** A button to choose files before there is a contact. */
export const ChooseFirst = () => <Picker take={wait} icon="clip" label={s.wait.choose} named />;

/**
 * @param {{take: (list: import('../files.js').Chosen[]) => unknown, icon: import('./Icon.jsx').IconName, label: string,
 *   folder?: boolean, named?: boolean}} props named: the label stands on the button
 */
function Picker({ take, icon, label, folder = false, named = false }) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  /** @param {import('preact').TargetedEvent<HTMLInputElement>} event */
  const onChange = ({ currentTarget }) => {
    void take(chosen(currentTarget.files));
    currentTarget.value = ''; // so that the same file can be chosen again
  };
  return (
    <>
      <button
        type="button"
        class={named ? 'button' : `button button-icon${folder ? ' button-folder' : ''}`}
        {...(!named && { 'aria-label': label, title: label })}
        onClick={() => input.current?.click()}
      >
        <Icon name={icon} />
        {named && label}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        {...(folder && forFolders)}
        aria-label={label}
        onChange={onChange}
      />
    </>
  );
}
