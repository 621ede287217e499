import { s } from '../../strings/index.js';
import { goBack } from '../store.js';
import { Icon } from './Icon.jsx';

export function BackButton({ narrow = false }) {
  return (
    <button
      type="button"
      class={`button button-icon ${narrow ? 'only-narrow' : ''}`}
      aria-label={s.back}
      title={s.back}
      onClick={goBack}
    >
      <Icon name="back" />
    </button>
  );
}
