#include "actors/core/names.hpp"

namespace mtp::actors::names {

namespace {

template <class Number>
std::string numbered(const char* name, Number number) {
  return name + std::string{'_'} + std::to_string(number);
}

}  // namespace

std::string memory_guard(unsigned reactor) {
  return numbered("memory_guard", reactor);
}

std::string client_roster(unsigned reactor) {
  return numbered("client_roster", reactor);
}

std::string front_agent(unsigned reactor) {
  return numbered("front_agent", reactor);
}

std::string listener(std::string_view port, unsigned reactor) {
  return "listener_" + std::string{port} + '_' + std::to_string(reactor);
}

std::string dc_pool(dc_id dc) {
  return numbered("dc_pool", dc);
}

std::string back_session(std::size_t place) {
  return numbered("back_session", place);
}

}  // namespace mtp::actors::names
