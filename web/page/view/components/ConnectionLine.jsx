/**
 * The connection in words: nothing while it works, and nothing for very short interruptions. That it is back is said
 * only after it was said that it was gone.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { s, wordsFor } from '../../strings/index.js';
import { call } from '../actions.js';
import { useEngine } from '../store.js';
import { useNow } from '../use-now.js';

const PATIENCE_MS = 1200;
const BACK_MS = 4000;

export function ConnectionLine() {
  const server = useEngine((engine) => engine.server);
  const works = server.state === 'online' && !server.checking;
  const trouble = !works && !server.changed;
  const [shown, setShown] = useState(/** @type {'' | 'trouble' | 'back'} */ (''));
  const wasOnline = useRef(false);

  useEffect(() => {
    if (trouble) {
      const wait = setTimeout(() => setShown('trouble'), PATIENCE_MS);
      return () => clearTimeout(wait);
    }
    setShown((before) => (before === 'trouble' && works && wasOnline.current ? 'back' : ''));
    wasOnline.current ||= works;
    const gone = setTimeout(() => setShown(''), BACK_MS);
    return () => clearTimeout(gone);
  }, [trouble]);

  return (
    <div role="status" class="connection-status">
      {shown === 'back' && <p class="banner banner-good">{s.connection.back}</p>}
      {shown === 'trouble' && trouble && <Trouble server={server} />}
    </div>
  );
}

/** @param {{server: import('../../engine/types.js').ServerState}} props */
function Trouble({ server }) {
  const now = useNow(1000);
  const words = wordsFor(s.connection.reasons, server.reason);
  const final = server.state === 'offline' && server.retryAt === null;
  const first = server.everOnline ? s.connection.lost : s.connection.unreachable;
  if (server.checking) return <p class="banner">{s.connection.checking}</p>;
  if (server.state === 'connecting' && !server.everOnline) return <p class="banner">{s.connection.connecting}</p>;
  return (
    <div class="banner">
      <p>
        {words ?? first}{' '}
        {!final && (
          // Reading the countdown aloud would drown out everything else.
          <span aria-hidden="true">
            {(server.retryAt ?? 0) > now ? s.connection.retryIn((server.retryAt ?? 0) - now) : s.connection.retrying}
          </span>
        )}
      </p>
      <button type="button" class="button button-small" onClick={() => call('tryNow')}>
        {server.reason === 'SUPERSEDED' ? s.connection.reload : s.connection.tryNow}
      </button>
    </div>
  );
}
