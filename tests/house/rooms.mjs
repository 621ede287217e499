/**
 * The rooms of the house: the one table of what may include or import what. tests/house/check.mjs compares it with the
 * sources and with the drawing in docs/architecture.md, so a room that is not listed here, a permission that nothing
 * uses and an include that is not permitted all fail `./dev test`.
 *
 * A room is a folder without its subfolders (or with them: `deep`), or a few files of one (`files`). Its fields:
 *   may        rooms, or single files of rooms, that it may include; SHARED stands for the four shared rooms
 *   shared     the relay links this room of client/core too
 *   pure       it decides only: the C standard library and `libraries`, no socket, clock, random number, file or global
 *   libraries  other people's libraries that it may include or import
 *   layers     the order inside the room, bottom first: [name of the layer, 'module module …']. A module is a file
 *              without its ending, or one file where header and source stand apart ('session.h'). It may include and
 *              call what stands before it, in its own layer or below, and nothing else. Each file stands in one layer.
 *   circles    the room has no order yet: its modules may include each other in circles
 */
export const SHARED = ['client/core/base', 'client/core/wire', 'client/core/ws', 'client/core/identity'];

/** What JavaScript knows of schema: schema/wire_table.mjs makes these files. */
const TABLES = 'web/client tables';
/** The one file of web/client/core that touches the platform: it loads libsodium. */
const SODIUM = 'web/client/core sodium';

export const ROOMS = {
  schema: {},

  // Shared by the relay and the client.
  'client/core/base': { shared: true, pure: true, may: ['schema'] },
  'client/core/wire': { shared: true, pure: true, may: ['schema', 'client/core/base'] },
  'client/core/ws': { shared: true, pure: true, may: ['client/core/base'] },
  'client/core/identity': {
    shared: true,
    pure: true,
    libraries: ['sodium'],
    may: ['client/core/base', 'client/core/wire'],
  },

  'client/tls': { libraries: ['openssl'], may: ['client/core/base'] },

  // The client. The relay must not link these: tests/support/blindness.mjs looks for their objects.
  'client/core/noise': {
    pure: true,
    libraries: ['sodium'],
    may: ['client/core/base', 'client/core/wire', 'client/core/identity'],
  },
  'client/core/cpace': { pure: true, libraries: ['sodium'], may: ['client/core/base'] },
  'client/core/words': { pure: true, may: ['schema', 'client/core/base', 'client/core/wire'] },
  'client/core/names': { pure: true, may: ['schema', 'client/core/base'] },
  'client/core/code': {
    pure: true,
    libraries: ['sodium'],
    may: ['client/core/wire', 'client/core/identity', 'client/core/words', 'client/core/cpace'],
  },
  'client/core/session': {
    pure: true,
    may: ['client/core/base', 'client/core/wire'],
    layers: [
      ['state', 'session.h session_pieces session_state.h session_base'],
      ['parts', 'session_ack session_chunk session_send session_flight'],
      ['links', 'session_link session_feedback session_receive session_probe'],
      ['end', 'session_close'],
      ['start', 'session_hello'],
      ['output', 'session_record'],
      ['events', 'session.c'],
    ],
  },
  'client/core/transfer': {
    pure: true,
    may: ['client/core/wire'],
    layers: [
      ['state', 'transfer.h transfer_name transfer_internal.h transfer_files'],
      ['messages', 'transfer_say transfer_receive transfer_send'],
      ['events', 'transfer.c'],
    ],
  },
  'client/core/engine': {
    pure: true,
    libraries: ['sodium'],
    may: [
      'client/core/base',
      'client/core/wire',
      'client/core/identity',
      'client/core/noise',
      'client/core/code',
      'client/core/session',
    ],
    layers: [
      [
        'ground',
        'engine.h action_queue engine_state.h engine_actions engine_hash engine_random engine_retry engine_address',
      ],
      ['links', 'engine_link engine_alive'],
      ['who', 'engine_invite engine_peers'],
      ['handshake', 'engine_handshake'],
      ['sessions', 'engine_session'],
      ["others' calls", 'engine_offer'],
      ['own calls', 'engine_dial'],
      ['wishes', 'engine_connect engine_strangers'],
      ['codes', 'engine_code_table engine_exchange engine_code'],
      ['what came over a link', 'engine_loss engine_data'],
      ['the relay', 'engine_connection engine_login'],
      ['dispatch', 'engine_receive engine_command engine_time engine_produce'],
      ['events', 'engine.c'],
    ],
  },
  'client/include': {},
  'client/lib': {
    libraries: ['sodium', 'libwebsockets', 'uv', 'openssl'],
    layers: [
      ['system', 'low_fds process race sigpipe private_file url'],
      ['files and addresses', 'known_relays identity_file proxy resolve ca_store lws_context aead_openssl'],
      ['a connection', 'stream_socket stream'],
      [
        'transport',
        'transport_loop transport.h transport_internal transport_state transport_connect transport_lws transport.c',
      ],
      ['client', 'client client_relay session_table wake step client_transport deliver'],
      ['public functions', 'client_new codes session dispatch'],
    ],
    may: [
      'schema',
      ...SHARED,
      'client/tls',
      'client/core/noise/aead.h',
      'client/core/words',
      'client/core/code',
      'client/core/engine',
      'client/include',
    ],
  },
  'client/cli': {
    libraries: ['sodium', 'openssl', 'jansson', 'qrencode'],
    may: [
      'client/include',
      // Small private files and links are handled as in the library; the rest of it is reached by pairlink.h only.
      'client/lib/private_file.h',
      'client/lib/url.h',
      'client/core/base',
      'client/core/wire',
      'client/core/identity',
      'client/core/names',
      'client/core/code',
      'client/core/transfer',
    ],
    layers: [
      ['basics', 'exit_code ui cli columns nearest json_out output qr progress'],
      ['people', 'contacts links invitation people code_line code_prompt'],
      ['the job of a command', 'command job pairing'],
      [
        'files on disk',
        'file_stat file_thread file_hash file_journal file_state receiving receiving_units receiving_saved ' +
          'file_place file_sync file_folder',
      ],
      ['files in transfer', 'file_writer file_reader file_walk file_flow share.h share_ui share.c'],
      ['pipes and chats', 'pipe outbox chat.h chat_lines'],
      ['receiving', 'receive.h receive_ends receive_offers receive_places receive_commit receive_files'],
      ['commands', 'send receive.c pair chat.c contacts_command simple completion ping listen connect'],
      ['program', 'main'],
    ],
  },

  // The relay.
  'relay/core': {
    pure: true,
    libraries: ['sodium'],
    may: ['schema', ...SHARED],
    layers: [
      ['ground', 'settings.def http http_answer forwarded relay.h settings shared.h state.h'],
      ['connections', 'conn keys'],
      ['bytes out', 'accounts queue'],
      ['who', 'peers router rates crowd budget'],
      ['telling', 'bus'],
      ['judgements', 'knocks nameplates'],
      ['links', 'slots link'],
      ['calls', 'call'],
      ['leaving', 'leave'],
      ['elsewhere', 'elsewhere'],
      ['login', 'login'],
      ['bytes in', 'front'],
      ['life', 'relay.c'],
    ],
  },
  'relay/shell': {
    libraries: ['sodium', 'uv', 'openssl', 'sqlite3'],
    may: ['relay/core/relay.h', 'client/core/base', 'client/core/ws', 'client/core/identity', 'client/tls'],
  },

  // The browser.
  [TABLES]: { files: ['web/client/wire_table.js', 'web/client/words.js', 'web/client/lookalikes.js'] },
  [SODIUM]: { files: ['web/client/core/sodium.js'], libraries: ['libsodium-wrappers-sumo'] },
  'web/client/core': { pure: true, may: [TABLES, SODIUM] },
  'web/client/core/session': { pure: true, may: [TABLES, 'web/client/core'] },
  'web/client/core/transfer': { pure: true, may: [TABLES, 'web/client/core'] },
  'web/client/core/engine': { pure: true, may: [TABLES, SODIUM, 'web/client/core', 'web/client/core/session'] },
  'web/client': {
    may: [TABLES, SODIUM, 'web/client/core', 'web/client/core/transfer', 'web/client/core/engine'],
  },
  'web/page/strings': {},
  'web/page/service': {},
  'web/page/engine': {
    deep: true,
    may: [
      TABLES,
      SODIUM,
      'web/client/index.js',
      'web/client/core/code.js',
      'web/client/core/names.js',
      'web/client/core/wire.js',
      'web/client/core/transfer/transfer.js',
      'web/client/core/transfer/name.js',
    ],
  },
  'web/page/view': {
    deep: true,
    libraries: ['preact', 'qr', 'client-zip'],
    may: [
      'web/page/strings',
      'web/page/service/shares.js',
      'web/page/engine/backup.js',
      'web/page/engine/chat.js',
      'web/page/engine/fold.js',
    ],
  },
};

/** The standard headers that a pure room may include: types, numbers and work on bytes in memory. */
export const PURE_HEADERS = [
  'assert.h',
  'inttypes.h',
  'limits.h',
  'stdarg.h',
  'stdatomic.h',
  'stdbool.h',
  'stddef.h',
  'stdint.h',
  'stdio.h',
  'stdlib.h',
  'string.h',
];

/** Functions of those headers and of libsodium with which a pure room would touch the outside world. */
export const IMPURE_CALLS = [
  ...['fopen', 'freopen', 'remove', 'rename', 'tmpfile', 'printf', 'puts', 'putchar', 'perror', 'getchar', 'scanf'],
  ...['fprintf', 'vfprintf', 'vprintf', 'fputs', 'fputc', 'fwrite', 'fread', 'getenv', 'system', 'exit'],
  ...['time', 'clock', 'clock_gettime', 'gettimeofday'],
  ...['rand', 'srand', 'random', 'getrandom', 'randombytes', 'randombytes_buf', 'randombytes_random'],
  ...['randombytes_uniform', 'crypto_sign_keypair', 'crypto_box_keypair', 'crypto_kx_keypair'],
];

/** Names of the platform, browser or Node, that a pure room of JavaScript must not mention. */
export const IMPURE_NAMES = [
  ...['window.', 'document', 'navigator', 'location', 'localStorage', 'indexedDB', 'globalThis', 'process'],
  ...['fetch', 'WebSocket', 'XMLHttpRequest', 'Worker', 'BroadcastChannel', 'crypto', 'console', 'performance'],
  ...['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'queueMicrotask', 'requestAnimationFrame'],
  ...['Date', 'Math.random'],
];
