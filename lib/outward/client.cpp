#include "outward/client.hpp"

#include "base/check.hpp"
#include "outward/error.hpp"
#include "outward/target.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace carillon::outward {

namespace asio = boost::asio;

struct client::inner {
    asio::io_context context{1};
    std::optional<asio::executor_work_guard<asio::io_context::executor_type>> busy{context.get_executor()};
    std::vector<std::unique_ptr<target>> targets;

    bool looks_up() const {
        return std::ranges::any_of(targets, [](const auto& each) { return each->looks_up(); });
    }
};

client::client() : inner_{std::make_unique<inner>()} {}

client::~client() = default;

std::size_t client::add(const target_options& how) {
    inner_->targets.push_back(std::make_unique<target>(inner_->context, how));
    return inner_->targets.size() - 1;
}

bool client::empty() const noexcept { return inner_->targets.empty(); }

void client::send(std::size_t number, request what, completion done) {
    CHECK(number < inner_->targets.size());
    target& to = *inner_->targets[number];
    if (!to.admit()) {
        to.refuse();
        return done(error::busy);
    }
    asio::post(inner_->context, [&to, what = std::move(what), done = std::move(done)]() mutable {
        to.ask(std::move(what), std::move(done));
    });
}

void client::run() { inner_->context.run(); }

void client::stop() {
    asio::post(inner_->context, [this] {
        for (const auto& each : inner_->targets) each->stop();
        inner_->busy.reset();
        // Nothing ends a look-up but the system's resolver, after a long time perhaps.
        if (inner_->looks_up()) inner_->context.stop();
    });
}

bool client::looks_up() const noexcept { return inner_->looks_up(); }

std::vector<metrics::outward_facts> client::snapshot() const {
    std::vector<metrics::outward_facts> all;
    for (const auto& each : inner_->targets) all.push_back(each->facts());
    return all;
}

asio::io_context& client::context() noexcept { return inner_->context; }

} // namespace carillon::outward
