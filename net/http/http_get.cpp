#include "net/http/http_get.hpp"

#include <curl/curl.h>

#include <array>
#include <memory>
#include <mutex>

namespace mtp::net {

namespace {

struct transfer {
  std::string body;
  std::size_t max_size;
  const std::atomic<bool>* cancelled;
};

struct easy_deleter {
  void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
};

std::size_t on_data(const char* data, std::size_t, std::size_t size, void* user) {
  auto& to = *static_cast<transfer*>(user);
  if (size > to.max_size - to.body.size()) return 0;
  to.body.append(data, size);
  return size;
}

std::optional<std::int64_t> date_of(CURL* handle) {
  curl_header* date = nullptr;
  if (curl_easy_header(handle, "Date", 0, CURLH_HEADER, -1, &date) != CURLHE_OK)
    return std::nullopt;
  const auto time = curl_getdate(date->value, nullptr);
  return time < 0 ? std::nullopt : std::optional<std::int64_t>{time};
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<transfer*>(user)->cancelled->load() ? 1 : 0;
}

}  // namespace

tl::expected<http_response, std::string> http_get(const http_request& request,
                                                  const std::atomic<bool>& cancelled) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  const std::unique_ptr<CURL, easy_deleter> handle{curl_easy_init()};
  if (handle == nullptr) return tl::unexpected<std::string>{"libcurl does not start"};
  auto* const curl = handle.get();
  transfer into{.body = {}, .max_size = request.max_size, .cancelled = &cancelled};
  std::array<char, CURL_ERROR_SIZE> detail{};
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  if (!request.through_proxy) curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  // A name server that says nothing must not keep us after the time is over.
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_IPRESOLVE,
                   request.family == http_family::v4 ? CURL_IPRESOLVE_V4 : CURL_IPRESOLVE_WHATEVER);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_data);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &into);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &into);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail.data());
  const auto code = curl_easy_perform(curl);
  if (code == CURLE_WRITE_ERROR)
    return tl::unexpected<std::string>{"the answer is longer than " +
                                       std::to_string(request.max_size) + " bytes"};
  if (code != CURLE_OK)
    return tl::unexpected<std::string>{detail[0] != '\0' ? detail.data()
                                                         : curl_easy_strerror(code)};
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return tl::unexpected<std::string>{"HTTP status " + std::to_string(status)};
  return http_response{.body = std::move(into.body), .date = date_of(curl)};
}

}  // namespace mtp::net
