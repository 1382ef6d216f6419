// What nodes of other builds say.
#pragma once

#include <string>
#include <vector>

#include "codecs/base/text.hpp"
#include "codecs/node_link/link_hello.hpp"
#include "tests/actors/node_link/link_fixture.hpp"

namespace mtp::actors {

using handles = std::vector<caf::actor>;

/// A later build: it has a capability that we do not know, and says more than we read.
inline const link_offer later_offer{
    .highest = 9, .lowest = 4, .capabilities = ~std::uint64_t{0}, .additions = {0xe0, 0xe1, 0xe2}};

inline std::string encoded(const link_hello& hello) {
  return std::string{as_text(encode_link_hello(hello))};
}
inline std::string encoded(const link_answer& answer) {
  return std::string{as_text(encode_link_answer(answer))};
}

}  // namespace mtp::actors
