#include "discovery/addresses.hpp"

#include <algorithm>

namespace carillon::discovery {

void server_addresses::looked_up(const std::vector<address>& found) {
    untried_.clear();
    if (good_ && std::ranges::find(found, *good_) != found.end()) untried_.push_back(*good_);
    for (const address& each : found) {
        if (untried_.size() == per_round_max) break;
        if (std::ranges::find(untried_, each) == untried_.end()) untried_.push_back(each);
    }
}

std::optional<server_addresses::address> server_addresses::take() {
    if (untried_.empty()) return std::nullopt;
    taken_ = untried_.front();
    untried_.pop_front();
    if (taken_ == good_) good_.reset(); // if it fails now, the next round has the resolver's order
    return taken_;
}

void server_addresses::worked() {
    good_ = taken_;
    untried_.clear();
}

} // namespace carillon::discovery
