#include "app/metrics_endpoint.hpp"

#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <list>
#include <string_view>
#include <system_error>
#include <thread>

#include "net/loop/accepting.hpp"
#include "net/loop/bound_port.hpp"
#include "net/loop/socket_address.hpp"
#include "net/loop/socket_options.hpp"
#include "net/node_link/link_places.hpp"

namespace mtp::app {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// Beyond it one goes for each that comes.
constexpr net::link_place_limits places_for_all{.in_all = 128, .per_network = 96, .per_host = 64};
constexpr std::size_t accepts_per_turn = 32;
/// One that has lost its place is still there for two turns.
constexpr unsigned connection_limit = places_for_all.in_all + 4 * accepts_per_turn;
/// A text that took longer to make is given again.
constexpr auto quick_text = 300ms;
/// Bytes for one request, and for the head of its answer.
constexpr std::size_t memory_limit = 8192;

constexpr const char* text_format = "text/plain; version=0.0.4; charset=utf-8";
constexpr const char* plain_text = "text/plain; charset=utf-8";

struct response_deleter {
  void operator()(MHD_Response* response) const { MHD_destroy_response(response); }
};
struct daemon_deleter {
  void operator()(MHD_Daemon* daemon) const { MHD_stop_daemon(daemon); }
};
using response_ptr = std::unique_ptr<MHD_Response, response_deleter>;
using daemon_ptr = std::unique_ptr<MHD_Daemon, daemon_deleter>;

response_ptr make_response(std::string text, const char* format) {
  response_ptr response{
      MHD_create_response_from_buffer(text.size(), text.data(), MHD_RESPMEM_MUST_COPY)};
  MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONTENT_TYPE, format);
  // One request per connection, so the time for a connection bounds the time for its request.
  MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONNECTION, "close");
  return response;
}

response_ptr make_refusal_of_method() {
  auto response = make_response("only GET and HEAD\n", plain_text);
  MHD_add_response_header(response.get(), MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  return response;
}

/// A connection.
struct visitor : net::link_places::holder {
  visitor(const ip_address& from, int its_socket, clock::time_point limit)
      : holder{from}, socket{its_socket}, until{limit} {}

  /// Of libmicrohttpd, which closes it.
  int socket;
  clock::time_point until;
  /// It has lost its place: only what has come already is answered, and only what the kernel takes
  /// of the answer at once is sent.
  bool leaves = false;
  bool is_cut = false;
};

}  // namespace

// libmicrohttpd speaks HTTP. Sockets are accepted, waited for and cut here, as its own time-out is
// for silence, not for a whole request, and it has one limit for all and none that is fair. Not by
// net::accept_loop: that is for a reactor, and a reactor that hangs must not take this along.
class metrics_endpoint::server {
 public:
  server(net::bound_port port, text_function text, const metrics_patience& patience)
      : port_{std::move(port)},
        text_{std::move(text)},
        patience_{patience},
        stop_{eventfd(0, EFD_CLOEXEC)} {}
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  server(server&&) = delete;
  server& operator=(server&&) = delete;
  ~server() {
    if (!thread_.joinable()) return;
    const std::uint64_t increment = 1;
    static_cast<void>(!::write(stop_.get(), &increment, sizeof increment));
    thread_.join();
  }

  /// False if there is not enough memory or no descriptor.
  [[nodiscard]] bool start();
  [[nodiscard]] const endpoint& where() const noexcept { return port_.where(); }

 private:
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* path,
                               const char* method, const char* version, const char* body,
                               std::size_t* body_size, void** state);
  static void on_connection(void* self, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode event);

  void run();
  [[nodiscard]] bool wait();
  void serve();
  [[nodiscard]] clock::time_point next_deadline() const;
  void accept_some();
  [[nodiscard]] bool accept_one();
  visitor* add(MHD_Connection* connection);
  void remove(visitor* leaver);
  void cut(visitor& conn);
  void cut_overdue(clock::time_point now);
  [[nodiscard]] MHD_Result answer(MHD_Connection* connection, std::string_view path,
                                  std::string_view method);
  [[nodiscard]] MHD_Response* current_text();

  net::bound_port port_;
  text_function text_;
  metrics_patience patience_;
  net::unique_fd stop_;
  net::link_places places_{places_for_all};
  std::list<visitor> visitors_;
  net::accept_rest rest_;
  response_ptr not_found_ = make_response("see /metrics\n", plain_text);
  response_ptr wrong_method_ = make_refusal_of_method();
  response_ptr text_now_;
  clock::time_point text_is_good_until_;
  daemon_ptr daemon_;
  int daemon_events_ = -1;
  std::thread thread_;
};

bool metrics_endpoint::server::start() {
  daemon_.reset(MHD_start_daemon(
      MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, nullptr, nullptr, &server::on_request, this,
      MHD_OPTION_NOTIFY_CONNECTION, &server::on_connection, this, MHD_OPTION_CONNECTION_LIMIT,
      connection_limit, MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory_limit, MHD_OPTION_END));
  if (daemon_ == nullptr || !stop_) return false;
  const auto* const info = MHD_get_daemon_info(daemon_.get(), MHD_DAEMON_INFO_EPOLL_FD);
  if (info == nullptr) return false;
  daemon_events_ = info->epoll_fd;
  thread_ = std::thread{[this] {
    pthread_setname_np(pthread_self(), "metrics");
    run();
  }};
  return true;
}

// -- the thread ---------------------------------------------------------------------------------

void metrics_endpoint::server::run() {
  while (wait()) {
    // Whatever had come by now is read, and not late.
    const auto now = clock::now();
    serve();
    cut_overdue(now);
    if (clock::now() >= rest_.until()) accept_some();
  }
  daemon_.reset();
}

/// Until there is something to do. False: stop.
bool metrics_endpoint::server::wait() {
  const auto now = clock::now();
  const bool accepts = now >= rest_.until();
  std::array<pollfd, 3> fds{
      pollfd{.fd = stop_.get(), .events = POLLIN, .revents = 0},
      // A negative descriptor is passed over.
      pollfd{.fd = accepts ? port_.socket(0) : -1, .events = POLLIN, .revents = 0},
      pollfd{.fd = daemon_events_, .events = POLLIN, .revents = 0}};
  int timeout = -1;
  if (const auto until = next_deadline(); until != clock::time_point::max())
    timeout = static_cast<int>(std::max<std::int64_t>(
        std::chrono::ceil<std::chrono::milliseconds>(until - now).count(), 0));
  // It has something left to do at once, or waits for sockets: it has no time-outs.
  if (MHD_UNSIGNED_LONG_LONG left = 0; MHD_get_timeout(daemon_.get(), &left) == MHD_YES)
    timeout = 0;
  static_cast<void>(::poll(fds.data(), fds.size(), timeout));
  return fds[0].revents == 0;
}

clock::time_point metrics_endpoint::server::next_deadline() const {
  auto earliest = clock::time_point::max();
  if (clock::now() < rest_.until()) earliest = rest_.until();
  for (const auto& conn : visitors_)
    if (!conn.is_cut) earliest = std::min(earliest, conn.until);
  return earliest;
}

/// Answers what has come. A text is for all requests that were there when it was made.
void metrics_endpoint::server::serve() {
  if (clock::now() >= text_is_good_until_) text_now_.reset();
  MHD_run(daemon_.get());
}

void metrics_endpoint::server::accept_some() {
  for (std::size_t i = 0; i < accepts_per_turn && accept_one(); ++i) {
  }
}

bool metrics_endpoint::server::accept_one() {
  auto result = net::accept_from(port_.socket(0));
  switch (result.outcome) {
    case net::accept_result::kind::accepted:
      break;
    case net::accept_result::kind::none:
      return false;
    case net::accept_result::kind::again:
      return true;
    case net::accept_result::kind::exhausted:
      if (const auto left_out = rest_.begin(clock::now()))
        spdlog::warn("metrics: accepting pauses: {}{}",
                     std::generic_category().message(result.error),
                     net::describe_left_out(*left_out));
      return false;
  }
  // What the kernel has of an answer when we are done with it.
  net::set_user_timeout(result.fd.get(), patience_.answer);
  // It closes what it can't take.
  MHD_add_connection(daemon_.get(), result.fd.release(),
                     reinterpret_cast<const sockaddr*>(&result.address), result.address_size);
  return true;
}

// -- connections --------------------------------------------------------------------------------

void metrics_endpoint::server::on_connection(void* self, MHD_Connection* connection, void** context,
                                             MHD_ConnectionNotificationCode event) {
  auto& mine = *static_cast<server*>(self);
  if (event == MHD_CONNECTION_NOTIFY_STARTED)
    *context = mine.add(connection);
  else
    mine.remove(static_cast<visitor*>(*context));
}

visitor* metrics_endpoint::server::add(MHD_Connection* connection) {
  const auto socket =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  auto& added = visitors_.emplace_back(net::peer_endpoint(socket).ip, socket,
                                       clock::now() + patience_.request);
  if (auto* const holder = places_.add(added)) {
    auto& leaver = static_cast<visitor&>(*holder);
    places_.remove(leaver);
    leaver.leaves = true;
    leaver.until = clock::now();
  }
  return &added;
}

void metrics_endpoint::server::remove(visitor* leaver) {
  places_.remove(*leaver);
  visitors_.remove_if([leaver](const visitor& other) { return &other == leaver; });
}

/// libmicrohttpd notices in its next turn. Nothing is owed to it any more, in the kernel neither.
void metrics_endpoint::server::cut(visitor& conn) {
  places_.remove(conn);
  conn.is_cut = true;
  net::set_reset_on_close(conn.socket, true);
  ::shutdown(conn.socket, SHUT_RDWR);
}

void metrics_endpoint::server::cut_overdue(clock::time_point now) {
  for (auto& conn : visitors_)
    if (!conn.is_cut && conn.until <= now) cut(conn);
}

// -- requests -----------------------------------------------------------------------------------

MHD_Result metrics_endpoint::server::on_request(void* self, MHD_Connection* connection,
                                                const char* path, const char* method,
                                                const char* /*version*/, const char* /*body*/,
                                                std::size_t* /*body_size*/, void** /*state*/) {
  return static_cast<server*>(self)->answer(connection, path, method);
}

/// Once the head of a request is there: a body is not waited for.
MHD_Result metrics_endpoint::server::answer(MHD_Connection* connection, std::string_view path,
                                            std::string_view method) {
  auto& conn = *static_cast<visitor*>(
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context);
  if (path != "/metrics")
    return MHD_queue_response(connection, MHD_HTTP_NOT_FOUND, not_found_.get());
  if (method != MHD_HTTP_METHOD_GET && method != MHD_HTTP_METHOD_HEAD)
    return MHD_queue_response(connection, MHD_HTTP_METHOD_NOT_ALLOWED, wrong_method_.get());
  auto* const text = current_text();
  if (!conn.leaves) conn.until = clock::now() + patience_.answer;
  return MHD_queue_response(connection, MHD_HTTP_OK, text);
}

/// If making a text takes long, as actors hang, requests that come meanwhile share it
/// instead of waiting one after the other.
MHD_Response* metrics_endpoint::server::current_text() {
  if (text_now_ != nullptr) return text_now_.get();
  const auto begun = clock::now();
  text_now_ = make_response(text_(), text_format);
  const auto made = clock::now();
  const auto took = made - begun;
  text_is_good_until_ = took > quick_text ? made + took : made;
  return text_now_.get();
}

// -- the endpoint -------------------------------------------------------------------------------

metrics_endpoint::metrics_endpoint(std::unique_ptr<server> mine) : server_{std::move(mine)} {}

metrics_endpoint::~metrics_endpoint() = default;

const endpoint& metrics_endpoint::where() const noexcept {
  return server_->where();
}

tl::expected<std::unique_ptr<metrics_endpoint>, std::string> metrics_endpoint::open(
    const endpoint& at, text_function text, const metrics_patience& patience, bool beside_own) {
  auto port = net::bound_port::bind(at, 1, true, beside_own);
  if (!port) return tl::unexpected{"metrics: " + port.error()};
  if (!port->listen())
    return tl::unexpected{"metrics: the kernel does not listen on " + to_string(at)};
  auto mine = std::make_unique<server>(std::move(*port), std::move(text), patience);
  if (!mine->start())
    return tl::unexpected<std::string>{"metrics: no descriptors or memory are left"};
  return std::unique_ptr<metrics_endpoint>{new metrics_endpoint{std::move(mine)}};
}

}  // namespace mtp::app
