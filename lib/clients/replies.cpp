#include "clients/replies.hpp"

namespace carillon::clients {

std::string& replies::next() {
    if (burst_.size() > bytes_max) flush();
    return burst_.next_line();
}

void replies::append_control(ws::opcode what, std::span<const std::byte> payload) {
    if (burst_.size() > bytes_max) flush();
    burst_.append_control(what, payload);
}

void replies::serve(client& c) {
    served_ = &c;
    burst_.carry(c.speaks());
}

void replies::flush() {
    if (burst_.empty()) return;
    CHECK(served_ != nullptr);
    out_->write(*served_, burst_.bytes());
    burst_.clear();
}

void replies::put_aside() {
    if (!burst_.empty()) out_->write_later(*served_, burst_.bytes());
    burst_.clear();
    served_ = nullptr;
}

} // namespace carillon::clients
