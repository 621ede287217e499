/** One invitation: to say, to send, to scan. When someone uses it, actions.js opens the thread. */
import { s } from '../../strings/index.js';
import { cancelInvite, invite as makeInvite, say } from '../actions.js';
import { useEngine } from '../store.js';
import { useNow } from '../use-now.js';
import { ChooseFirst } from './AttachButtons.jsx';
import { BackButton } from './BackButton.jsx';
import { CodeCard } from './CodeCard.jsx';
import { CopyButton } from './CopyButton.jsx';
import { Icon } from './Icon.jsx';
import { Knocks } from './Knocks.jsx';
import { OwnName } from './OwnName.jsx';
import { Qr } from './Qr.jsx';

const hereOnly = /^(localhost|127\.|\[::1\])/.test(location.hostname);

/** @param {{place: import('../store.js').OpenPlace}} props */
export function InviteScreen({ place }) {
  const invite = useEngine((engine) => engine.invites.find(({ secret }) => secret === place.secret));
  const people = useEngine((engine) => engine.contacts.length);
  const now = useNow(1000);

  if (!invite || invite.expiresAt <= now) {
    return (
      <div class="page">
        <header class="bar">
          <BackButton />
        </header>
        <h1>{s.invite.gone}</h1>
        <button type="button" class="button button-main" onClick={makeInvite}>
          {s.invite.again}
        </button>
      </div>
    );
  }
  return (
    <div class="page invite">
      <header class="bar">
        <BackButton />
        <h1>{s.invite.heading}</h1>
      </header>
      {people === 0 && <Knocks />}
      <div class="invite-body">
        <div class="invite-ways">
          <section class="invite-card" aria-labelledby="code-title">
            <h2 id="code-title">{s.code.title}</h2>
            <CodeCard secret={invite.secret} code={invite.code} now={now} />
            <p class="fine">{s.code.help(location.host)}</p>
          </section>
          <section class="invite-card" aria-labelledby="link-title">
            <h2 id="link-title">{s.invite.linkTitle}</h2>
            <label for="invite-link" class="visually-hidden">
              {s.invite.linkLabel}
            </label>
            <input
              id="invite-link"
              class="field field-code"
              dir="ltr"
              readOnly
              value={invite.link}
              onFocus={(event) => event.currentTarget.select()}
            />
            <div class="buttons">
              <CopyButton text={() => messageOf(invite)} label={s.invite.copy} main />
              <CopyButton text={invite.link} label={s.invite.copyLink} />
              {'share' in navigator && (
                <button type="button" class="button" onClick={() => share(invite.link)}>
                  <Icon name="share" />
                  {s.invite.share}
                </button>
              )}
            </div>
            <p class="fine">
              {s.invite.once} · {s.invite.left(invite.expiresAt - now)}. {s.invite.secret}
            </p>
            {hereOnly && <p class="note-box">{s.invite.onlyHere}</p>}
          </section>
          <section class="invite-card invite-scan" aria-labelledby="scan-title">
            <Qr text={invite.link} label={s.invite.qrLabel} />
            <div>
              <h2 id="scan-title">{s.invite.scanTitle}</h2>
              <p class="fine">{s.invite.scan}</p>
            </div>
          </section>
          <div class="invite-rest">
            <OwnName id="own-name-invite" />
            <footer class="invite-foot">
              <p class="waiting" role="status">
                <span class="pulse" aria-hidden="true" />
                {s.invite.waiting}
              </p>
              <p class="fine">{s.invite.waitingMore}</p>
              <div class="buttons">
                <ChooseFirst />
                <button type="button" class="button" onClick={() => cancel(invite.secret)}>
                  {s.invite.cancel}
                </button>
              </div>
            </footer>
          </div>
        </div>
      </div>
    </div>
  );
}

/**
 * Returns the invitation as a message to send: the link, and the code as long as there is one.
 * @param {import('../../engine/types.js').ShownInvite} invite
 */
function messageOf({ link, code: { state, text, expiresAt } }) {
  const left = (expiresAt ?? 0) - Date.now();
  const way = state === 'ready' && text && left > 0 ? `\n${s.invite.messageCode(location.host, text, left)}` : '';
  return `${s.invite.message}\n${link}${way}`;
}

/** @param {string} secret */
async function cancel(secret) {
  await cancelInvite(secret);
  say(s.invite.cancelled);
}

/**
 * Shares a link. A person who closes the system's dialog has changed their mind; that is not an error.
 * @param {string} url
 */
const share = (url) => navigator.share({ title: s.invite.shareTitle, url }).catch(() => {});
