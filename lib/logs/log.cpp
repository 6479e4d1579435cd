#include "logs/log.hpp"

#include "logs/log_queue.hpp"
#include "protocol/payload.hpp"

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <mutex>
#include <string>
#include <unistd.h>

namespace carillon::logs {

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

// Formats on the thread that has something to say, and leaves the writing to the queue's.
class queue_sink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    explicit queue_sink(std::shared_ptr<log_queue> lines) : lines_{std::move(lines)} {}

private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        // Who reads the log again should know that something is missing.
        if (const std::uint64_t dropped = lines_->dropped(); dropped > told_) {
            const std::string text = fmt::format("{} lines of this log were dropped: nobody read it", dropped - told_);
            if (push({message.time, message.source, message.logger_name, spdlog::level::warn, text}))
                told_ = dropped;
            else
                return;
        }
        push(message);
    }
    void flush_() override {}

    bool push(const spdlog::details::log_msg& message) {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        return lines_->push({line.data(), line.size()});
    }

    std::shared_ptr<log_queue> lines_;
    std::uint64_t told_ = 0; // of the dropped lines
};

std::shared_ptr<log_queue>& log_lines() {
    static std::shared_ptr<log_queue> lines;
    return lines;
}

} // namespace

void set_up_log(const config::settings& how) {
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    if (how.log_format == config::log_format::json) {
        formatter->add_flag<json_message>('*').set_pattern(
            R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":%*})");
    } else {
        formatter->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l: %v");
    }
    log_lines() = std::make_shared<log_queue>(STDERR_FILENO, how.log_queue_bytes_max);
    auto logger = std::make_shared<spdlog::logger>("carillon", std::make_shared<queue_sink>(log_lines()));
    logger->set_formatter(std::move(formatter));
    logger->set_level(static_cast<spdlog::level::level_enum>(how.log_level));
    spdlog::set_default_logger(std::move(logger));
}

std::uint64_t log_lines_dropped() noexcept { return log_lines() ? log_lines()->dropped() : 0; }

void finish_log(std::chrono::milliseconds patience) {
    if (log_lines()) log_lines()->finish(patience);
}

} // namespace carillon::logs
