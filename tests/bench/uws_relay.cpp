/* A relay for pairs on uWebSockets, as a careful user would write it: it forwards the messages of each end to the
 * other. What is due on a socket after a turn of the loop is written together ("corked"); a message that is larger than
 * the cork's buffer goes directly, because copying it first costs more than a send.
 *
 *   pl-bench-uws [KEY CERT]        prints "ready PORT"; with PEM files it speaks TLS
 *
 * The path's query names the pair (0: alone, idle); both ends hear "paired" once they are there. Built only when
 * PAIRLINK_UWEBSOCKETS names a folder with uWebSockets and uSockets, see CMakeLists.txt. */
#include <cstdio>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <App.h>

namespace {

constexpr unsigned MESSAGE_MAX = 16 << 20, WAITING_MAX = 256 << 20;
constexpr size_t DIRECT = 16 << 10; /* the cork's buffer */

template <bool SSL>
struct relay {
  struct end;
  using socket = uWS::WebSocket<SSL, true, end>;

  struct end {
    std::string pair;
    socket *other = nullptr;
    std::string due; /* bytes of the messages that wait for the end of the turn */
    std::vector<size_t> sizes;
    bool listed = false;
  };

  std::unordered_map<std::string, socket *> waiting;
  std::vector<socket *> dirty;

  void flush(socket *ws) {
    end *e = ws->getUserData();
    if (e->sizes.empty()) return;
    ws->cork([&] {
      size_t at = 0;
      for (size_t size : e->sizes) {
        ws->send(std::string_view(e->due).substr(at, size), uWS::OpCode::BINARY);
        at += size;
      }
    });
    e->due.clear();
    e->sizes.clear();
  }

  void opened(socket *ws) {
    end *e = ws->getUserData();
    if (e->pair == "0") {
      ws->send("paired", uWS::OpCode::TEXT);
      return;
    }
    auto first = waiting.find(e->pair);
    if (first == waiting.end()) {
      waiting[e->pair] = ws;
      return;
    }
    e->other = first->second;
    e->other->getUserData()->other = ws;
    waiting.erase(first);
    e->other->send("paired", uWS::OpCode::TEXT);
    ws->send("paired", uWS::OpCode::TEXT);
  }

  void message(socket *from, std::string_view data) {
    socket *to = from->getUserData()->other;
    if (!to) return;
    end *e = to->getUserData();
    if (data.size() >= DIRECT) {
      flush(to);
      to->send(data, uWS::OpCode::BINARY);
      return;
    }
    e->due.append(data);
    e->sizes.push_back(data.size());
    if (e->listed) return;
    e->listed = true;
    dirty.push_back(to);
  }

  void closed(socket *ws) {
    end *e = ws->getUserData();
    auto mine = waiting.find(e->pair);
    if (mine != waiting.end() && mine->second == ws) waiting.erase(mine);
    std::erase(dirty, ws);
    if (!e->other) return;
    e->other->getUserData()->other = nullptr;
    e->other->close();
  }

  void turn() {
    std::vector<socket *> now;
    now.swap(dirty);
    for (socket *ws : now) {
      ws->getUserData()->listed = false;
      flush(ws);
    }
    now.clear();
    if (dirty.empty()) dirty.swap(now); /* keeps the memory */
  }

  int run(const uWS::SocketContextOptions &options) {
    uWS::Loop::get()->addPostHandler(this, [this](uWS::Loop *) { turn(); });
    auto app = uWS::TemplatedApp<SSL>(options);
    typename uWS::TemplatedApp<SSL>::template WebSocketBehavior<end> behaviour;
    behaviour.compression = uWS::DISABLED;
    behaviour.maxPayloadLength = MESSAGE_MAX;
    behaviour.maxBackpressure = WAITING_MAX;
    behaviour.idleTimeout = 0;
    behaviour.sendPingsAutomatically = false;
    behaviour.upgrade = [](auto *response, auto *request, auto *context) {
      end e;
      e.pair = std::string(request->getQuery("pair"));
      response->template upgrade<end>(std::move(e), request->getHeader("sec-websocket-key"),
                                      request->getHeader("sec-websocket-protocol"),
                                      request->getHeader("sec-websocket-extensions"), context);
    };
    behaviour.open = [this](socket *ws) { opened(ws); };
    behaviour.message = [this](socket *ws, std::string_view data, uWS::OpCode) { message(ws, data); };
    behaviour.close = [this](socket *ws, int, std::string_view) { closed(ws); };
    bool listening = false;
    app.template ws<end>("/*", std::move(behaviour)).listen("127.0.0.1", 0, [&](us_listen_socket_t *at) {
      listening = at != nullptr;
      if (!at) return;
      std::printf("ready %d\n", us_socket_local_port(SSL, reinterpret_cast<us_socket_t *>(at)));
      std::fflush(stdout);
    });
    if (listening) app.run();
    return 1;
  }
};

}  // namespace

int main(int argc, char **argv) {
  uWS::SocketContextOptions options;
  if (argc != 3) return relay<false>().run(options);
  options.key_file_name = argv[1];
  options.cert_file_name = argv[2];
  return relay<true>().run(options);
}
