/** The invitations that nobody has used yet. */
import { s } from '../../strings/index.js';
import { go, useEngine } from '../store.js';
import { useNow } from '../use-now.js';

export function PendingInvites() {
  const invites = useEngine((engine) => engine.invites);
  const now = useNow(10_000);
  if (invites.length === 0) return null;
  return (
    <ul class="pending">
      {invites.map((invite) => (
        <li key={invite.secret}>
          <button type="button" class="row-button" onClick={() => go({ screen: 'invite', secret: invite.secret })}>
            <span>{s.invite.pending}</span>
            <span class="fine">{s.invite.left(invite.expiresAt - now)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
