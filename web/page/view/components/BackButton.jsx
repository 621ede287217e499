import { s } from '../../strings/index.js';
import { goBack } from '../store.js';
import { Icon } from './Icon.jsx';

/** @param {{narrow?: boolean}} props narrow: shown on narrow screens only */
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
