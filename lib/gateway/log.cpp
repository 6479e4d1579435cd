#include "gateway/log.hpp"

#include "protocol/payload.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>

namespace carillon::gateway {

namespace {

// The message as a JSON string: %* in the pattern.
class json_message final : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
        std::string text;
        protocol::append_json_string(text, {message.payload.data(), message.payload.size()});
        out.append(text.data(), text.data() + text.size());
    }
    std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<json_message>(); }
};

} // namespace

void set_up_log(const config::settings& how) {
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    if (how.log_format == config::log_format::json) {
        formatter->add_flag<json_message>('*').set_pattern(
            R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":%*})");
    } else {
        formatter->set_pattern("%Y-%m-%d %H:%M:%S.%e %l: %v");
    }
    auto logger = std::make_shared<spdlog::logger>("carillon", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_formatter(std::move(formatter));
    logger->set_level(static_cast<spdlog::level::level_enum>(how.log_level));
    logger->flush_on(spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
}

} // namespace carillon::gateway
