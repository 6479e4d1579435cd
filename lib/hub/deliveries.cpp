#include "hub/deliveries.hpp"

#include "base/check.hpp"

#include <boost/container/small_vector.hpp>
#include <boost/container_hash/hash.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace carillon::hub {

namespace {
constexpr std::uint32_t prefetch_distance = 4;
// A buffer that one large message has blown up is not kept.
constexpr std::size_t frame_bytes_kept = 256 * 1024;
constexpr std::size_t forms_kept = 4;
} // namespace

// The members of its group stand in this order: those who have got it, up to `served`; those who will, up to `end`;
// those who joined later. Only the first of all deliveries has begun, so only its `served` is not 0.
struct deliveries::delivery {
    audience* whose = nullptr;
    std::uint32_t group = 0;
    std::uint32_t served = 0;
    std::uint32_t end = 0;
    std::uint32_t messages = 0;
    bool closed = false; // nothing is added to it any more
    std::uint64_t number = 0;
    std::size_t counted_bytes = 0;
    const std::array<receiver*, formats>* sinks = nullptr;
    struct form {
        format of{};
        bool if_new = false;
        std::string bytes{};
        std::size_t added = 0;          // of them, when something was added last
        std::vector<range> others{};    // of them, that are no messages
        std::optional<frames> shared{}; // while it is sent
    };
    // In those formats that its members have, nearly always one. The later forms are kept for their memory.
    boost::container::small_vector<form, 1> forms;
    std::size_t used = 0;

    std::span<form> all() noexcept { return {forms.data(), used}; }
    form* find(format encoding, bool if_new) noexcept {
        const auto found =
            std::ranges::find_if(all(), [&](const form& each) { return each.of == encoding && each.if_new == if_new; });
        return found == all().end() ? nullptr : &*found;
    }
    receiver& sink_of(subscriber who) const noexcept { return *(*sinks)[static_cast<std::size_t>(who.encoding())]; }
    delivery* next_of_group = nullptr;
    std::unique_ptr<delivery> next;
};

std::string_view frames::channel() const noexcept {
    return whose_ == nullptr ? std::string_view{} : whose_->name_of_group(group_);
}

std::size_t deliveries::key_hash::operator()(const key& of) const noexcept {
    std::size_t hash = 0;
    boost::hash_combine(hash, of.whose);
    boost::hash_combine(hash, of.group);
    return hash;
}

deliveries::deliveries(const limits& how) noexcept : limits_{how}, sends_left_{how.sends_per_turn} {}

deliveries::deliveries() noexcept : deliveries{limits{}} {}

// One after the other: a long chain of unique_ptrs would be as many calls deep.
deliveries::~deliveries() {
    while (first_ != nullptr) first_ = std::move(first_->next);
}

deliveries::draft deliveries::publish(audience& whose, std::uint32_t group, std::uint32_t members,
                                      const std::array<receiver*, formats>& sinks, std::uint32_t family) {
    CHECK(!sending_ && members > 0);
    if (delivery* const open = open_one(whose, group, family)) return {*open};
    return {append(whose, group, members, sinks)};
}

// Where one more message of the group may be added: what has been published since is of its family. If there is
// nothing, what waits is sent before it, but for its family's.
deliveries::delivery* deliveries::open_one(audience& whose, std::uint32_t group, std::uint32_t family) {
    if (last_ != nullptr && last_->whose == &whose && last_->group == group && !last_->closed) return last_;
    const bool same_family = last_ != nullptr && family_ == key{&whose, family};
    const auto found = same_family ? of_group_.find({&whose, group}) : of_group_.end();
    if (found != of_group_.end()) {
        delivery& latest = *found->second.last;
        if (latest.number >= family_since_ && !latest.closed) return &latest;
    }
    if (!same_family || found != of_group_.end()) {
        flush();
        family_ = {&whose, family};
        family_since_ = newest_ + 1;
    }
    return nullptr;
}

bool deliveries::congested() const noexcept {
    if (bytes_waiting_ > limits_.bytes_waiting_max) return true;
    // While nobody is sent anything, the number of those who wait for it says nothing.
    if (held_ || sends_waiting_ <= limits_.sends_waiting_max) return false;
    return first_.get() != last_ || last_->closed; // else it is one, which has not begun
}

bool deliveries::draft::has_messages() const noexcept { return to.messages > 0; }

std::string& deliveries::draft::frames_of(format encoding, bool if_new) const {
    delivery::form* const found = to.find(encoding, if_new);
    if (found != nullptr) return found->bytes;
    if (to.used == to.forms.size()) to.forms.emplace_back();
    delivery::form& made = to.forms[to.used++];
    made.of = encoding;
    made.if_new = if_new;
    return made.bytes;
}

deliveries::delivery& deliveries::append(audience& whose, std::uint32_t group, std::uint32_t members,
                                         const std::array<receiver*, formats>& sinks) {
    auto made = spare_ != nullptr ? std::move(spare_) : std::make_unique<delivery>();
    made->whose = &whose;
    made->group = group;
    made->end = members;
    made->number = ++newest_;
    made->sinks = &sinks;
    sends_waiting_ += members;
    delivery* const added = made.get();
    (last_ == nullptr ? first_ : last_->next) = std::move(made);
    last_ = added;
    const auto [found, is_new] = of_group_.try_emplace({&whose, group}, chain{added, added});
    if (!is_new) {
        found->second.last->next_of_group = added;
        found->second.last = added;
    }
    return *added;
}

void deliveries::add(const draft& what, std::uint32_t messages) {
    delivery& to = what.to;
    to.messages += messages;
    std::size_t longest = 0;
    std::size_t all = 0;
    for (delivery::form& each : to.all()) {
        const std::size_t before = std::exchange(each.added, each.bytes.size());
        if (messages == 0 && each.added > before)
            each.others.push_back({static_cast<std::uint32_t>(before), static_cast<std::uint32_t>(each.added)});
        longest = std::max(longest, each.bytes.size());
        all += each.bytes.size();
    }
    bytes_waiting_ += all - std::exchange(to.counted_bytes, all);
    if (longest < limits_.batch_bytes_max) return;
    to.closed = true;
    flush();
}

void deliveries::send(delivery& from, const member& to) {
    delivery::form* const form = from.find(to.who.encoding(), to.who.is_new());
    // None, or empty, where somebody came or left, for those who do not hear of it.
    if (form != nullptr && !form->bytes.empty()) {
        if (!form->shared) form->shared.emplace(form->bytes, *from.whose, from.group, form->others);
        from.sink_of(to.who).deliver(to.who, *form->shared);
        delivered_ += from.messages;
        if (to.who.is_new() && from.messages > 0) from.whose->on_heard(to);
    }
    --sends_waiting_;
    if (sends_left_ > 0) --sends_left_;
}

bool deliveries::go_on() {
    CHECK(!sending_);
    if (held_) return true; // nothing that a further turn could do
    sending_ = true;
    while (first_ != nullptr) {
        delivery& now = *first_;
        if (now.served < now.end) {
            if (sends_left_ == 0) break;
            now.closed = true;
            const std::span<const member> members = now.whose->members_of(now.group);
            while (now.served < now.end && sends_left_ > 0) {
                if (now.served + prefetch_distance < now.end) {
                    const subscriber ahead = members[now.served + prefetch_distance].who;
                    now.sink_of(ahead).prefetch(ahead);
                }
                send(now, members[now.served]);
                ++now.served;
            }
            if (now.served < now.end) break;
        }
        finish_first();
    }
    sending_ = false;
    return first_ == nullptr;
}

void deliveries::finish_first() {
    std::unique_ptr<delivery> ended = std::move(first_);
    first_ = std::move(ended->next);
    if (first_ == nullptr) last_ = nullptr;
    const auto found = of_group_.find({ended->whose, ended->group});
    CHECK(found != of_group_.end() && found->second.first == ended.get());
    found->second.first = ended->next_of_group;
    if (found->second.first == nullptr) of_group_.erase(found);
    bytes_waiting_ -= ended->counted_bytes;
    if (spare_ != nullptr) return;
    spare_ = std::move(ended);
    spare_->forms.resize(std::min(spare_->forms.size(), forms_kept));
    spare_->used = 0;
    for (delivery::form& each : spare_->forms) {
        if (each.bytes.capacity() > frame_bytes_kept) std::string{}.swap(each.bytes);
        each.bytes.clear();
        each.added = 0;
        each.others.clear();
        each.shared.reset();
    }
    spare_->served = spare_->end = spare_->messages = 0;
    spare_->closed = false;
    spare_->counted_bytes = 0;
    spare_->next_of_group = nullptr;
}

void deliveries::on_joined(audience& whose, std::uint32_t group) {
    if (first_ == nullptr) return;
    const auto found = of_group_.find({&whose, group});
    if (found != of_group_.end()) found->second.last->closed = true;
}

void deliveries::serve(audience& whose, std::uint32_t group, std::uint32_t place) {
    if (first_ == nullptr) return;
    const auto found = of_group_.find({&whose, group});
    if (found == of_group_.end()) return;
    CHECK(!std::exchange(sending_, true));
    const member& leaving = whose.members_of(group)[place];
    for (delivery* each = found->second.first; each != nullptr; each = each->next_of_group) {
        if (place < each->served || place >= each->end) continue;
        each->closed = true; // `shared` is of what it has now
        send(*each, leaving);
        ++sends_waiting_; // remove() takes it off the books
    }
    sending_ = false;
}

// The last of each segment moves into the hole, which so moves to the end of all.
void deliveries::remove(audience& whose, std::uint32_t group, std::uint32_t place) {
    CHECK(!sending_);
    const std::span<member> members = whose.members_of(group);
    CHECK(place < members.size());
    std::uint32_t hole = place;
    const auto close_segment = [&](std::uint32_t end) {
        if (end - 1 != hole) {
            members[hole] = members[end - 1];
            whose.on_moved(members[hole], hole);
        }
        hole = end - 1;
    };
    if (first_ != nullptr) {
        const auto found = of_group_.find({&whose, group});
        delivery* each = found == of_group_.end() ? nullptr : found->second.first;
        for (; each != nullptr; each = each->next_of_group) {
            const bool waits = place >= each->served && place < each->end;
            if (waits) --sends_waiting_;
            if (place < each->served) close_segment(each->served--);
            if (place < each->end) close_segment(each->end--);
        }
    }
    close_segment(static_cast<std::uint32_t>(members.size()));
}

std::uint64_t deliveries::oldest_waiting() const noexcept { return first_ == nullptr ? newest_ + 1 : first_->number; }

void deliveries::check_invariants() const {
    std::size_t sends = 0;
    std::size_t bytes = 0;
    const delivery* last = nullptr;
    for (const delivery* each = first_.get(); each != nullptr; each = each->next.get()) {
        CHECK(each->served <= each->end && each->end <= each->whose->members_of(each->group).size());
        CHECK(each == first_.get() || each->served == 0);
        CHECK(each->next_of_group == nullptr || each->next_of_group->end >= each->end);
        sends += each->end - each->served;
        bytes += each->counted_bytes;
        last = each;
    }
    CHECK(last == last_ && sends == sends_waiting_ && bytes == bytes_waiting_);
    for (const auto& [group, of] : of_group_) CHECK(of.first != nullptr && of.last->next_of_group == nullptr);
}

} // namespace carillon::hub
