#include "net/tls/tls_channel.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <algorithm>
#include <limits>
#include <new>
#include <system_error>

namespace mtp::net {

namespace {

constexpr std::size_t max_write = std::size_t{256} * 1024;

/// Messages of TLS itself behind a handshake, tickets and new keys: so many may come, and one more
/// for so many bytes. Each costs as much as deriving a key does, and gives nothing to do.
constexpr std::uint64_t free_messages = 16;
constexpr std::uint64_t bytes_per_message = std::uint64_t{1} << 20;

/// What the first byte of a record can be at the start of a connection: an alert or a handshake.
bool starts_tls(std::uint8_t byte) {
  return byte == SSL3_RT_ALERT || byte == SSL3_RT_HANDSHAKE;
}

int to_int(std::size_t size) {
  return static_cast<int>(
      std::min(size, static_cast<std::size_t>(std::numeric_limits<int>::max())));
}

/// How much of `data` makes a record. glibc copies large blocks with "rep movsb", which AMD's Zen 3
/// and 4 do 20 times slower if the target begins up to 15 bytes behind the source, modulo 4096
/// (0.30 s/GB instead of 0.015). That is where OpenSSL's record buffer is, if both begin with a
/// page. A short record moves the source to the middle of one.
std::size_t best_record_size(byte_view data) {
  constexpr std::size_t page = 4096;
  constexpr std::size_t middle = page / 2;
  if (data.size() < SSL3_RT_MAX_PLAIN_LENGTH) return data.size();
  const auto place = reinterpret_cast<std::uintptr_t>(data.data()) % page;
  const bool is_near_middle = place > middle / 2 && place < middle + middle / 2;
  return is_near_middle ? SSL3_RT_MAX_PLAIN_LENGTH : (page + middle - place) % page;
}

/// Whether the kernel takes more to send, and not only a byte or two.
bool takes_more(int fd) {
  pollfd watched{.fd = fd, .events = POLLOUT, .revents = 0};
  return ::poll(&watched, 1, 0) == 1 && (watched.revents & POLLOUT) != 0;
}

/// The one name that is looked for.
std::string wanted(const node_names& names) {
  return names.empty() ? std::string{} : *names.begin();
}

}  // namespace

tls_channel::tls_channel(std::shared_ptr<const tls_context> context, int fd,
                         std::shared_ptr<const node_names> names, std::uint64_t key_lifetime)
    : context_{std::move(context)},
      names_{std::move(names)},
      socket_{.fd = fd},
      ssl_{SSL_new(context_->get())},
      key_lifetime_{key_lifetime} {
  if (ssl_ == nullptr) throw std::bad_alloc{};
  auto* const bio = make_socket_bio(socket_);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
  if (context_->side() == tls_side::accepting)
    SSL_set_accept_state(ssl_.get());
  else
    SSL_set_connect_state(ssl_.get());
}

tls_channel::~tls_channel() = default;

void tls_channel::ask_for(const std::string& sni) {
  // What the macro of OpenSSL's header does, without its casts.
  if (SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
               const_cast<char*>(sni.c_str())) != 1)
    throw std::bad_alloc{};
}

void tls_channel::deleter::operator()(SSL* ssl) const noexcept {
  SSL_free(ssl);
}

// OpenSSL looks at the thread's error queue, whichever connection an error came from. Each call
// starts with an empty queue, or a failure of one connection would be taken for one of another.

tls_progress tls_channel::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  return result == 1 ? tls_progress::done : judge(result);
}

tls_progress tls_channel::await_data() {
  ERR_clear_error();
  std::uint8_t byte = 0;
  const int result = SSL_peek(ssl_.get(), &byte, 1);
  return result == 1 ? tls_progress::done : judge(result);
}

tls_channel::moved tls_channel::read(byte_span into) {
  while (true) {
    ERR_clear_error();
    socket_.is_drained = false;
    const int result = SSL_read(ssl_.get(), into.data(), to_int(into.size()));
    if (result > 0) {
      received_ += static_cast<std::uint64_t>(result);
      return {.size = static_cast<std::size_t>(result)};
    }
    const auto next = judge(result);
    // Only an answer to "change keys" is written while reading. Waiting here for a peer that asks
    // for it without reading would keep the thread busy.
    if (next == tls_progress::want_write)
      return {.next = fail(tls_failure::protocol, "it asks for new keys and does not read")};
    if (next != tls_progress::want_read || socket_.is_drained) return {.next = next};
    // It was a message of TLS, after which OpenSSL returns (see `read_ahead`).
    if (++messages_ > free_messages + received_ / bytes_per_message)
      return {.next = fail(tls_failure::protocol, "it changes keys all the time")};
  }
}

tls_channel::moved tls_channel::write(byte_view data) {
  data = data.first(std::min(data.size(), max_write));
  moved sent;
  while (sent.size < data.size()) {
    ERR_clear_error();
    // Told to the peer in front of the next record. It can't be done in the middle of one; and
    // while it waits for the kernel, nothing can be read.
    if (records_ >= key_lifetime_ && unfinished_ == 0 && takes_more(socket_.fd) &&
        SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1)
      records_ = 0;
    const auto rest = data.subspan(sent.size);
    const auto wanted = unfinished_ > 0 ? unfinished_ : best_record_size(rest);
    const auto record = rest.first(std::min(rest.size(), wanted));
    socket_.more_follows = record.size() < rest.size();
    const int result = SSL_write(ssl_.get(), record.data(), to_int(record.size()));
    if (result <= 0) {
      unfinished_ = record.size();
      sent.next = judge(result);
      // Half a message of TLS has come. No honest peer sends that, and waiting for the rest while
      // the socket could be written to would keep the thread busy.
      if (sent.next == tls_progress::want_read)
        sent.next = fail(tls_failure::protocol, "it cuts its messages in two");
      break;
    }
    unfinished_ = 0;
    ++records_;
    // One record per call.
    sent.size += static_cast<std::size_t>(result);
  }
  return sent;
}

void tls_channel::read_ahead() {
  socket_.ahead.emplace();
  // OpenSSL would go on to read while nothing but its own messages comes, however many.
  SSL_clear_mode(ssl_.get(), SSL_MODE_AUTO_RETRY);
}

tls_progress tls_channel::judge(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return tls_progress::want_read;
    case SSL_ERROR_WANT_WRITE:
      return tls_progress::want_write;
    case SSL_ERROR_SSL:
      return judge_library_error();
    default:
      return fail_closed();
  }
}

tls_progress tls_channel::judge_library_error() {
  const auto code = ERR_peek_error();
  const int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
  const auto text = take_openssl_errors();
  // verify_peer knew better.
  if (!problem_.empty()) return tls_progress::failed;
  if (socket_.first_byte && !starts_tls(*socket_.first_byte))
    return fail(tls_failure::not_tls, "it does not speak TLS");
  if (reason >= SSL_AD_REASON_OFFSET) {
    const int alert = reason - SSL_AD_REASON_OFFSET;
    const auto kind =
        alert == SSL_AD_PROTOCOL_VERSION ? tls_failure::protocol : tls_failure::refused;
    return fail(kind, describe_alert(alert, context_->side(), context_->name()));
  }
  switch (reason) {
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
      return fail_closed();
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return fail(tls_failure::certificate, "it sent no certificate");
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_WRONG_SSL_VERSION:
      return fail(tls_failure::protocol, "it does not speak TLS 1.3");
    default:
      return fail(tls_failure::protocol, "TLS failed: " + text);
  }
}

tls_progress tls_channel::fail(tls_failure kind, std::string text) {
  failure_ = kind;
  problem_ = std::move(text);
  return tls_progress::failed;
}

tls_progress tls_channel::fail_closed() {
  const auto& why =
      socket_.error != 0 ? std::generic_category().message(socket_.error) : std::string{};
  return fail(tls_failure::closed, why.empty() ? "it closed the connection" : why);
}

int tls_channel::verify_peer(int passed, X509_STORE_CTX* store) {
  const auto* const ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto& self = *static_cast<tls_channel*>(SSL_get_app_data(ssl));
  const int depth = X509_STORE_CTX_get_error_depth(store);
  if (passed != 1) {
    self.fail(tls_failure::certificate,
              describe_verification(X509_STORE_CTX_get_error(store), depth, self.context_->side()));
    return 0;
  }
  return depth > 0 || self.check_name(store) ? 1 : 0;
}

bool tls_channel::check_name(X509_STORE_CTX* store) {
  peer_name_ = node_name(X509_STORE_CTX_get_current_cert(store));
  if (!peer_name_.empty() && names_->contains(peer_name_)) return true;
  if (peer_name_.empty())
    fail(tls_failure::name, "its certificate has no usable name (CN)");
  else if (context_->side() == tls_side::accepting)
    fail(tls_failure::name, "its name, \"" + peer_name_ + "\", is not allowed here");
  else
    fail(tls_failure::name,
         "its name is \"" + peer_name_ + "\", expected \"" + wanted(*names_) + "\"");
  // The alert for this is one that nothing else here sends, so that the peer can tell the reason.
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REVOKED);
  return false;
}

}  // namespace mtp::net
