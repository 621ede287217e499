/** Says that this identity is in use on another device at the same moment, and what to do about it. */
import { useEffect, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { useEngine } from '../store.js';

export function OtherDevice() {
  const elsewhere = useEngine((engine) => engine.elsewhere);
  const [hidden, setHidden] = useState(false);
  useEffect(() => setHidden(false), [elsewhere]);
  return (
    <div role="status">
      {elsewhere && !hidden && (
        <div class="banner banner-warn other-device">
          <p>
            <strong>{s.backup.elsewhere}</strong> {s.backup.elsewhereMore}
          </p>
          <button type="button" class="button button-small" onClick={() => setHidden(true)}>
            {s.ok}
          </button>
        </div>
      )}
    </div>
  );
}
