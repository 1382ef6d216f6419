#include "actors/node_link/link_events.hpp"

#include "codecs/base/overloaded.hpp"

namespace mtp::actors {

namespace {

template <class Event>
stream::event widened(Event&& event) {
  return std::visit([](auto& known) -> stream::event { return std::move(known); }, event);
}

}  // namespace

stream::event to_wire(event_from_client&& event) {
  return widened(event);
}

stream::event to_wire(event_to_client&& event) {
  return widened(event);
}

std::optional<event_from_client> as_from_client(stream::event&& event) {
  using result = std::optional<event_from_client>;
  return std::visit(overloaded{
                        [](stream::open&) -> result { return std::nullopt; },
                        [](stream::opened&) -> result { return std::nullopt; },
                        [](stream::refused&) -> result { return std::nullopt; },
                        [](stream::quick_ack&) -> result { return std::nullopt; },
                        [](stream::migrate&) -> result { return std::nullopt; },
                        [](auto& said) -> result { return std::move(said); },
                    },
                    event);
}

std::optional<event_to_client> as_to_client(stream::event&& event) {
  using result = std::optional<event_to_client>;
  return std::visit(overloaded{
                        [](stream::open&) -> result { return std::nullopt; },
                        [](stream::opened&) -> result { return std::nullopt; },
                        [](auto& heard) -> result { return std::move(heard); },
                    },
                    event);
}

}  // namespace mtp::actors
