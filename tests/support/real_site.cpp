#include "tests/support/real_site.hpp"

#include <fstream>
#include <stdexcept>

#include "net/loop/blocking_socket.hpp"

namespace mtp::test {

using namespace std::chrono_literals;

namespace {

/// Programs of Go and JavaScript take long to start on a crowded machine.
constexpr auto start_limit = 30s;

std::string quoted(const std::string& text) {
  return '"' + text + '"';
}

}  // namespace

real_site::real_site(site_program program, options how) : program_{program}, how_{std::move(how)} {
  std::filesystem::create_directory(root());
  std::ofstream{root() / "index.html"} << "<html><body><p>A site.</p></body></html>\n";
  files_ = certificate_authority{directory_.path(), "ca"}.issue(
      "site", {.name = "example.com", .key = how_.key});
  start();
}

void real_site::start() {
  auto arguments = command();
  arguments.insert(arguments.end(), how_.arguments.begin(), how_.arguments.end());
  const auto place = directory_.path().string();
  process_ = std::make_unique<process>(
      "/usr/bin/env", process::options{.arguments = arguments,
                                       .environment = {"HOME=" + place, "XDG_DATA_HOME=" + place,
                                                       "XDG_CONFIG_HOME=" + place},
                                       .output = directory_.path() / "output",
                                       .ends_with_parent = true});
  const bool up = eventually(
      [&] {
        return !process_->running() ||
               net::blocking_socket::connect("127.0.0.1", port_,
                                             net::blocking_socket::clock::now() + 1s)
                   .has_value();
      },
      start_limit);
  if (!up || !process_->running())
    throw std::runtime_error{std::string{name_of(program_)} + " does not start: " + output()};
}

std::string real_site::write(const std::string& name, const std::string& text) const {
  const auto path = directory_.path() / name;
  std::ofstream{path} << text;
  return path.string();
}

std::vector<std::string> real_site::command() const {
  const auto place = directory_.path().string();
  switch (program_) {
    case site_program::nginx:
      return {"nginx", "-e", "stderr", "-p", place, "-c", write("nginx.conf", nginx_config())};
    case site_program::caddy:
      return {"caddy",     "run",      "--config", write("Caddyfile", caddy_config()),
              "--adapter", "caddyfile"};
    case site_program::openssl:
      return {"-C",    root().string(),    "openssl", "s_server", "-accept", where(),
              "-cert", files_.certificate, "-key",    files_.key, "-WWW"};
    case site_program::node:
      return {"node", write("site.js", node_script())};
  }
  throw std::logic_error{"no such program"};
}

std::string real_site::nginx_config() const {
  std::string places;
  for (const std::string name : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    places += "  " + name + "_temp_path temp;\n";
  // One process, without workers that would outlive it.
  return "daemon off;\nmaster_process off;\npid nginx.pid;\nevents {}\nhttp {\n"
         "  access_log off;\n" +
         places + "  server {\n    listen " + where() +
         " ssl http2;\n    server_name example.com;\n    ssl_protocols TLSv1.2 TLSv1.3;\n"
         "    ssl_certificate " +
         quoted(files_.certificate) + ";\n    ssl_certificate_key " + quoted(files_.key) +
         ";\n    root " + quoted(root().string()) + ";\n  }\n}\n";
}

std::string real_site::caddy_config() const {
  return "{\n  admin off\n  auto_https off\n  servers {\n    protocols h1 h2\n  }\n}\nhttps://:" +
         std::to_string(port_) + " {\n  bind 127.0.0.1\n  tls " + quoted(files_.certificate) + ' ' +
         quoted(files_.key) + "\n  root * " + quoted(root().string()) + "\n  file_server\n}\n";
}

std::string real_site::node_script() const {
  return "const fs = require('fs');\nconst identity = {cert: fs.readFileSync(" +
         quoted(files_.certificate) + "), key: fs.readFileSync(" + quoted(files_.key) +
         ")};\nrequire('https').createServer(identity, (request, answer) => {\n"
         "  fs.createReadStream(" +
         quoted(root().string()) +
         " + request.url)\n    .on('error', () => answer.writeHead(404).end()).pipe(answer);\n"
         "}).listen(" +
         std::to_string(port_) + ", '127.0.0.1');\n";
}

}  // namespace mtp::test
