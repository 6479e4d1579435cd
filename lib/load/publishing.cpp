#include "load/publishing.hpp"

#include "load/marker.hpp"
#include "load/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace carillon::load {
namespace {

constexpr auto look_interval = std::chrono::milliseconds{50};
constexpr std::uint32_t sent_together_max = 64; // publications in one send()

class loop {
public:
    loop(publisher& to, const publishing_plan& plan)
        : to_{to}, plan_{plan}, payload_{plan.what.payload_bytes}, begin_{clock::now()}, end_{begin_ + plan.length} {}

    publishing_result run() {
        answered(clock::now());
        if (plan_.what.rate > 0) {
            open_loop();
        } else {
            closed_loop();
        }
        while (to_.in_flight() > 0 && may_go_on()) wait(clock::now() + look_interval);
        return {published_, to_.trouble().empty() ? std::move(trouble_) : to_.trouble()};
    }

private:
    void open_loop() {
        const schedule times{begin_, plan_.what.rate, plan_.what.burst};
        const std::uint64_t count = times.count_within(plan_.length);
        while (published_ < count && may_go_on()) {
            const clock::time_point due = times.due(published_);
            const clock::time_point now = clock::now();
            if (now > end_ + plan_.what.timeout) {
                trouble_ =
                    fmt::format("publishing: {} of {} were due, and had not left in time", count - published_, count);
            } else if (now < due) {
                wait(std::min(due, now + look_interval));
            } else if (!to_.is_ready()) {
                wait(now + look_interval);
            } else {
                publish_one(due);
            }
        }
    }

    void closed_loop() {
        while (clock::now() < end_ && may_go_on()) {
            if (to_.is_ready()) {
                publish_one(clock::now());
            } else {
                wait(clock::now() + look_interval);
            }
        }
    }

    void publish_one(clock::time_point due) {
        const std::uint32_t channel = plan_.pick();
        to_.publish(channel, payload_.write({plan_.run, channel, plan_.next_sequence(channel), due}), due);
        ++published_;
        if (++together_ < sent_together_max) return;
        wait({});
    }

    void wait(clock::time_point until) {
        together_ = 0;
        const std::uint32_t before = to_.in_flight();
        to_.wait(until);
        const clock::time_point now = clock::now();
        if (to_.in_flight() < before || before == 0) answered(now);
        if (now > limit_) trouble_ = "publishing: no answer in time";
    }

    void answered(clock::time_point now) { limit_ = now + plan_.what.timeout; }

    bool may_go_on() {
        if (!to_.trouble().empty() || !trouble_.empty() || !wanted_) return false;
        const clock::time_point now = clock::now();
        if (now < next_look_) return true;
        next_look_ = now + look_interval;
        wanted_ =
            plan_.go_on(std::chrono::duration<double>{now - begin_} / std::chrono::duration<double>{plan_.length});
        return wanted_;
    }

    publisher& to_;
    const publishing_plan& plan_;
    payload_writer payload_;
    const clock::time_point begin_, end_;
    clock::time_point next_look_{};
    clock::time_point limit_{}; // of the wait for the next answer
    std::uint64_t published_ = 0;
    std::uint32_t together_ = 0; // publications since the last wait
    bool wanted_ = true;
    std::string trouble_;
};

} // namespace

publishing_result publish(publisher& to, const publishing_plan& plan) { return loop{to, plan}.run(); }

} // namespace carillon::load
