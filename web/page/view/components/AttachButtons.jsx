/** Buttons to choose files and folders with the system's picker. */
import { useRef } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { chosen, sendFiles } from '../files.js';
import { Icon } from './Icon.jsx';

const folders = 'webkitdirectory' in HTMLInputElement.prototype;
/** Makes a file input choose folders. The types of Preact do not know this attribute. */
export const forFolders = { webkitdirectory: true };

/** @param {{contact: import('../../engine/types.js').ShownContact}} props */
export function AttachButtons({ contact }) {
  return (
    <>
      <Picker contact={contact} icon="clip" label={s.files.attach} />
      {folders && <Picker contact={contact} icon="folder" label={s.files.attachFolder} folder />}
    </>
  );
}

/**
 * @param {{contact: import('../../engine/types.js').ShownContact, icon: import('./Icon.jsx').IconName, label: string,
 *   folder?: boolean}} props
 */
function Picker({ contact, icon, label, folder = false }) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  /** @param {import('preact').TargetedEvent<HTMLInputElement>} event */
  const onChange = ({ currentTarget }) => {
    void sendFiles(contact.id, chosen(currentTarget.files));
    currentTarget.value = ''; // so that the same file can be chosen again
  };
  return (
    <>
      <button
        type="button"
        class={`button button-icon${folder ? ' button-folder' : ''}`}
        aria-label={label}
        title={label}
        onClick={() => input.current?.click()}
      >
        <Icon name={icon} />
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
