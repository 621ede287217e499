/** English. Words that name machinery (relay, key, session, …) belong in `details` alone. */
const language = 'en';
const time = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hour12: false });
const day = new Intl.DateTimeFormat(language, { weekday: 'long', day: 'numeric', month: 'long' });
const shortDay = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short' });
const full = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short', hourCycle: 'h23' });

const units = [
  ['h', 3600],
  ['min', 60],
  ['s', 1],
];

/** 23 h 59 min, 4 min, 12 s: the two largest units, seconds only in the last minute. */
function span(ms) {
  let left = Math.max(0, Math.ceil(ms / 1000));
  if (left >= 60) left -= left % 60;
  const parts = [];
  for (const [unit, seconds] of units) {
    const count = Math.floor(left / seconds);
    left -= count * seconds;
    if (count > 0) parts.push(`${count}\u00a0${unit}`);
  }
  return parts.join(' ') || '0\u00a0s';
}

const daysAgo = (at, now) => Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / 86_400_000);

export default {
  language,
  direction: 'ltr',
  name: 'English',

  time: (at) => time.format(at),
  fullTime: (at) => full.format(at),
  day: (at, now) => ['Today', 'Yesterday'][daysAgo(at, now)] ?? day.format(at),
  listTime: (at, now) => (daysAgo(at, now) === 0 ? time.format(at) : daysAgo(at, now) === 1 ? 'Yesterday' : shortDay.format(at)),
  span,

  app: 'Pairlink',
  skip: 'Skip to the conversation',
  back: 'Back',
  close: 'Close',
  cancel: 'Cancel',
  save: 'Save',
  copy: 'Copy',
  copied: 'Copied',
  copyFailed: 'Could not copy. Select the text and copy it yourself.',
  loading: 'One moment…',
  friend: (tail) => `Friend …${tail}`,
  you: 'You',

  home: {
    title: 'Whom do you want to reach?',
    lead: 'Private messages between two people. No account: you pass on a link, the other person opens it.',
    pickTitle: 'Pick up a conversation',
    pick: 'Choose someone from the list, or reach someone new.',
  },
  invite: {
    title: 'Invite someone',
    text: 'Get a link and a QR code to pass on. Whoever opens it first is connected with you.',
    rules: 'It works once, within 24 hours, and you can withdraw it.',
    action: 'Create an invitation',
    making: 'Creating…',
    heading: 'Your invitation is ready',
    scan: 'Scan this with a phone’s camera',
    qrLabel: 'QR code of the invitation link',
    or: 'or pass on the link',
    linkLabel: 'Invitation link',
    copyLink: 'Copy link',
    share: 'Share…',
    shareTitle: 'Talk to me on Pairlink',
    once: 'Works once',
    left: (ms) => `${span(ms)} left`,
    waiting: 'Waiting for someone to open it…',
    waitingMore: 'You can leave this screen. The invitation stays valid while this page is open somewhere.',
    cancel: 'Withdraw invitation',
    gone: 'This invitation is no longer valid.',
    again: 'Create a new one',
    onlyHere: 'This address is only valid on this computer. For other devices, open this page under an address they can reach.',
    secret: 'Whoever has the link can use it, so send it to one person only.',
    pending: 'Invitation waiting',
  },
  join: {
    title: 'I was invited',
    text: 'Paste the link you were sent, or the ID of the person you want to ask.',
    label: 'Link or ID',
    placeholder: 'https://…#… or an ID',
    action: 'Connect',
    ask: 'Ask to connect',
    looksLink: 'This is an invitation link. You can connect.',
    looksId: 'This is an ID. They will be asked whether to let you in.',
    known: (name) => `You know each other already: ${name}.`,
    problem: {
      empty: 'Paste a link or an ID first.',
      own: 'This is your own. Pass it on to someone else.',
      otherServer: 'This link belongs to another server. Open it in the address bar instead.',
      linkPart: 'Part of the link is missing. Copy all of it, with everything after the #.',
      linkBroken: 'This link is damaged. Copy all of it, with everything after the #.',
      notAnId: 'This is neither a link nor an ID. An ID has only the letters a–z and digits 2–7.',
      idShort: 'An ID has 54 letters and digits; some are still missing.',
      idLong: 'This is too long for an ID, which has 54 letters and digits.',
      idTypo: 'There is a typing error in this ID. Copy it instead of typing it.',
    },
  },
  list: {
    title: 'Conversations',
    add: 'Reach someone new',
    nobody: 'Nobody yet. Invite someone, or paste a link you were sent.',
    unread: (n) => (n === 1 ? '1 unread message' : `${n} unread messages`),
    youSaid: (text) => `You: ${text}`,
    joined: 'Connected. Say hello.',
    blocked: 'Blocked',
    settings: 'Settings and details',
  },
  knock: {
    title: 'Requests',
    allow: 'Allow',
    ignore: 'Ignore',
    block: 'Block',
    arrived: (tail) => `Someone with ID …${tail} wants to reach you.`,
    says: 'They call themselves',
  },
  thread: {
    here: 'here now',
    away: 'offline',
    unknown: 'no connection at the moment',
    connecting: 'connecting…',
    asked: 'asked, waiting for an answer',
    invited: 'connecting…',
    empty: (name) => `You are connected with ${name}. What you write is readable only on your two devices.`,
    emptyAsked: 'They see a request with your ID. As soon as they allow it, you can talk. You can already write: it is delivered then.',
    emptyInvited:
      'Looking for the person who invited you. This works as soon as their page is open too. If they are there and nothing happens, the invitation was used, withdrawn or has expired: ask them for a new one.',
    emptyAway: (name) => `${name} is offline. What you write is delivered when both of you are here.`,
    refused: 'This invitation was used or withdrawn. Ask for a new one.',
    blocked: 'You blocked this contact. Nothing is sent or received.',
    unblock: 'Unblock',
    earlier: 'Show earlier messages',
    log: (name) => `Messages with ${name}`,
    nameAsk: 'What do you call them?',
    nameAskMore: 'Only you see this name.',
    namePlaceholder: 'Name',
    rename: 'Rename',
    detailsOf: (name) => `About ${name}`,
    said: (name) => `${name}:`,
    program: 'A program at the other end: it sees your lines as its input.',
  },
  message: {
    sending: 'sending',
    waiting: (name) => `${name} is offline: will be delivered when both are here`,
    waitingServer: 'will be sent when the connection is back',
    delivered: 'delivered',
    new: (name, text) => `${name}: ${text}`,
  },
  composer: {
    label: (name) => `Message to ${name}`,
    send: 'Send',
    tooLong: (over) => `${over} characters too long`,
    hint: 'Enter sends, Shift and Enter make a new line',
  },
  connection: {
    connecting: 'Connecting…',
    lost: 'Connection lost.',
    retryIn: (ms) => `Trying again in ${span(ms)}.`,
    retrying: 'Trying again…',
    back: 'Back, nothing was lost.',
    tryNow: 'Try now',
    unreachable: 'The server cannot be reached.',
    reasons: {
      SUPERSEDED: 'Pairlink was opened in another window that does not share with this one. Only one can be connected.',
      DENIED: 'This server does not admit you. Ask who runs it for an invitation.',
      REVOKED: 'This server has withdrawn your admission. Ask who runs it.',
      FULL: 'You are connected in too many places, or the server is full.',
      ORIGIN: 'This server does not want to be reached under this address.',
      UNSUPPORTED: 'This page and the server are of versions that do not fit. Reload the page.',
      LOGIN_FAILED: 'The server did not accept the proof of your ID. Check that this device’s clock and network are right.',
    },
    reload: 'Continue here',
  },
  changed: {
    title: 'This server is not the one you knew',
    text: 'It identifies itself with another key than before. Either it was set up anew, or someone is in between. Nothing is sent until you decide.',
    advice: 'Ask the person who runs the server, by another way than this page.',
    before: 'Known so far',
    now: 'Shows now',
    trust: 'I asked: trust the new one',
    stay: 'Until then, everything you wrote stays on this device.',
  },
  plain: {
    title: 'Opened without HTTPS.',
    text: 'Messages are still encrypted between the two of you. But this browser turns off for such pages: notifications, the camera, installing, working offline. And whoever controls this network could swap the page itself.',
    fine: 'Understood',
  },
  broken: {
    title: 'Pairlink cannot start in this browser',
    storage: 'The browser lets this page store nothing. Leave private browsing, or allow site data, and reload.',
    other: 'Reload the page. If that does not help, use a current Firefox, Chromium or Safari.',
    reload: 'Reload',
  },
  contact: {
    heading: 'About this contact',
    how: {
      invite: 'Connected by your invitation link, so this is the person you gave it to.',
      invited: 'Connected by the link they gave you, so this is the person who made it.',
      asked: 'You asked by their ID. If you have the ID from them, it is them.',
      knock: 'They asked to reach you and you allowed it. Compare the ID if you want to be sure.',
    },
    since: (at) => `Since ${full.format(at)}`,
    id: 'ID',
    block: 'Block',
    unblock: 'Unblock',
    forget: 'Delete contact and messages',
    forgetSure: 'Delete for good? The messages on this device are gone then.',
    forgetYes: 'Delete for good',
  },
  settings: {
    heading: 'Settings and details',
    yourName: 'Your name',
    yourNameMore: 'Others see it as a suggestion. You may leave it empty.',
    yourId: 'Your ID',
    yourIdMore: 'Whoever has it can ask to reach you.',
    copyId: 'Copy ID',
    serverSees: 'What the server can see',
    saved: 'Saved',
  },
  details: {
    heading: 'Details',
    more: 'For the curious, and for reports of faults.',
    relay: 'Relay',
    address: 'Address',
    pinned: 'pinned on this device',
    state: 'State',
    states: { connecting: 'connecting', online: 'online', offline: 'offline', stopped: 'stopped' },
    tabs: 'Tabs',
    modes: {
      shared: 'all tabs share one engine (SharedWorker)',
      leader: 'one tab leads, the others share (Web Locks)',
      alone: 'each tab for itself',
    },
    sessions: 'Sessions',
    noSessions: 'none',
    sessionState: { dialing: 'dialing', linked: 'linked', waiting: 'waiting', closed: 'closed' },
    current: 'in use',
    log: 'Log',
    copyLog: 'Copy log',
  },
  sees: {
    heading: 'What the server can see',
    lead: 'The server passes sealed envelopes between you and others. Here is what that lets it know, and what not.',
    can: 'It can see',
    canList: [
      'the internet addresses of your devices',
      'your ID, and which IDs you talk to',
      'when you talk, and roughly how much',
      'that you use Pairlink',
    ],
    cannot: 'It cannot see or do',
    cannotList: [
      'what you write: only your two devices can open it',
      'the names you give to people, or the name you use',
      'the secret in an invitation link',
      'change, repeat or swap a message without your page noticing',
      'pose as one of your contacts',
    ],
    kept: 'What it keeps',
    keptText: 'Your ID and when it was first and last seen. No messages: they wait on your device until the other person is there.',
    careful: 'What you trust it with',
    carefulText:
      'This page itself comes from the server. Who runs the server, or breaks into it, could serve a false page. If that worries you, use the command line program, or a copy of this page from a place that you trust.',
    device: 'On this device',
    deviceText: 'Your messages and your identity are kept in this browser, unencrypted. Whoever can use this browser profile can read them.',
  },
};
