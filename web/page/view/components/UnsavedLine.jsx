import { s } from '../../strings/index.js';
import { store, useStore } from '../store.js';

/** Says that the last action could not be kept, until the person has read it; spoken by unsaved.js. */
export function UnsavedLine() {
  const unsaved = useStore((view) => view.unsaved);
  if (!unsaved) return null;
  return (
    <div class="banner banner-warn">
      <p>{s.unsaved}</p>
      <button type="button" class="button button-small" onClick={() => store.set({ unsaved: false })}>
        {s.ok}
      </button>
    </div>
  );
}
