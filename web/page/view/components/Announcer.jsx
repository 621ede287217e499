/** The one live region for what happens away from the focus. Emptied first, so that the same words are said again. */
import { useEffect, useState } from 'preact/hooks';
import { useStore } from '../store.js';

export function Announcer() {
  const note = useStore(({ note }) => note);
  const [said, setSaid] = useState('');
  useEffect(() => {
    setSaid('');
    const turn = requestAnimationFrame(() => setSaid(note.text ?? note));
    return () => cancelAnimationFrame(turn);
  }, [note]);
  return (
    <div class="visually-hidden" role="status" aria-live="polite">
      {said}
    </div>
  );
}
