#include "carriers/compression.hpp"

#include "carriers/wrapping.hpp"
#include "ws/frame.hpp"

namespace carillon::carriers {

namespace {
// What one large message has blown up is not kept.
constexpr std::size_t bytes_kept = 256 * 1024;
} // namespace

compression::compression(const compression_options& how, metrics::shard_counters& counters)
    : how_{how}, counters_{counters} {
    if (!how_.on) return;
    inflater_ = std::make_unique<ws::inflater>();
    deflater_ = std::make_unique<ws::deflater>(how_.level);
}

ws::message_limits compression::limits_of(hub::format speaks, std::size_t message_bytes_max) const noexcept {
    return {.message_bytes_max = message_bytes_max, .inflating = is_deflated(speaks) ? inflater_.get() : nullptr};
}

void compression::on_inflated(std::size_t deflated_bytes, std::size_t bytes) noexcept {
    ++counters_.messages_inflated;
    counters_.inflated_bytes_before += deflated_bytes;
    counters_.inflated_bytes_after += bytes;
}

std::string_view compression::deflate(hub::format speaks, std::string_view message) {
    if (!is_deflated(speaks) || message.size() < how_.bytes_min) return {};
    const ws::deflate_window window = window_of(speaks);
    if (last_window_ == window && last_ == message) return deflated_;
    if (deflated_.capacity() > bytes_kept) std::string{}.swap(deflated_);
    deflated_.clear();
    last_window_.reset();
    if (!deflater_->deflate(message, window, deflated_)) return {};
    ++counters_.messages_deflated;
    counters_.deflated_bytes_before += message.size();
    counters_.deflated_bytes_after += deflated_.size();
    if (message.size() <= bytes_kept) {
        last_ = message;
        last_window_ = window;
    }
    return deflated_;
}

void compression::append_wrapped(std::string& out, hub::format speaks, std::string_view message) {
    const std::string_view deflated = deflate(speaks, message);
    if (deflated.empty()) return carriers::append_wrapped(out, speaks, message);
    const std::size_t begin = out.size();
    carriers::append_wrapped(out, speaks, deflated);
    out[begin] |= ws::deflated_bit;
}

} // namespace carillon::carriers
