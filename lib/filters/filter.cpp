#include "filters/filter.hpp"

#include "base/check.hpp"
#include "base/name_hash.hpp"
#include "protocol/client_info.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace carillon::filters {

namespace {

class filters_error_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "carillon.filters"; }
    std::string message(int value) const override {
        switch (static_cast<error>(value)) {
        case error::too_large: return "the filter is too large";
        case error::too_deep: return "the filter nests too deep";
        case error::unknown_op: return "the filter joins nodes in a way that is not known";
        case error::unknown_cmp: return "the filter compares in a way that is not known";
        case error::bad_operands: return "a node of the filter lacks what is compared or joined, or has too much";
        }
        return "unknown";
    }
};

// Digits before and after the point, without those that mean nothing.
struct decimal {
    bool negative = false;
    std::string_view whole{};
    std::string_view part{};
    bool is_zero() const noexcept { return whole.empty() && part.empty(); }
};

bool is_digits(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char each) { return each >= '0' && each <= '9'; });
}

std::optional<decimal> read_decimal(std::string_view text) noexcept {
    decimal made;
    if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
        made.negative = text.front() == '-';
        text.remove_prefix(1);
    }
    const std::size_t point = std::min(text.find('.'), text.size());
    made.whole = text.substr(0, point);
    if (point < text.size()) made.part = text.substr(point + 1);
    const bool is_one = !made.whole.empty() && is_digits(made.whole) && is_digits(made.part) &&
                        (point == text.size() || !made.part.empty());
    if (!is_one) return std::nullopt;
    while (!made.whole.empty() && made.whole.front() == '0') made.whole.remove_prefix(1);
    while (!made.part.empty() && made.part.back() == '0') made.part.remove_suffix(1);
    if (made.is_zero()) made.negative = false;
    return made;
}

int compare_amounts(const decimal& a, const decimal& b) noexcept {
    if (a.whole.size() != b.whole.size()) return a.whole.size() < b.whole.size() ? -1 : 1;
    if (const int by_whole = a.whole.compare(b.whole)) return by_whole;
    return a.part.compare(b.part);
}

void append_text(std::string& out, std::string_view text) {
    out += std::to_string(text.size());
    out += ':';
    out += text;
}

} // namespace

const boost::system::error_category& filters_category() noexcept {
    static const filters_error_category category;
    return category;
}

std::optional<int> compare_numbers(std::string_view a, std::string_view b) noexcept {
    const auto left = read_decimal(a), right = read_decimal(b);
    if (!left || !right) return std::nullopt;
    if (left->negative != right->negative) return left->negative ? -1 : 1;
    const int amounts = compare_amounts(*left, *right);
    return left->negative ? -amounts : amounts;
}

std::size_t tags::hash::operator()(std::string_view text) const noexcept { return name_hash(text); }

tags::tags(std::string_view json) {
    if (json.empty()) return;
    protocol::each_tag(json, [&](std::string_view name, std::string_view value) {
        all_.insert_or_assign(std::string{name}, std::string{value});
    });
}

const std::string* tags::find(std::string_view key) const noexcept {
    const auto found = all_.find(key);
    return found == all_.end() ? nullptr : &found->second;
}

result<std::shared_ptr<const filter>> filter::make(const protocol::filter_node& said) {
    if (said.items >= items_max) return error::too_large; // the outermost is one, too
    auto made = std::make_shared<filter>();
    if (const error_code why = made->add(said, 1)) return why;
    if (made->text_.size() > bytes_max) return error::too_large;
    return std::shared_ptr<const filter>{std::move(made)};
}

std::shared_ptr<const filter> filter::both(const filter& one, const filter& other) {
    auto made = std::make_shared<filter>();
    made->nodes_.emplace_back().what = kind::all_of;
    made->text_ = "and(" + one.text_ + other.text_ + ')';
    for (const filter* const each : {&one, &other}) {
        const std::size_t before = made->nodes_.size();
        for (node copy : each->nodes_) {
            copy.end += before;
            made->nodes_.push_back(std::move(copy));
        }
    }
    made->nodes_.front().end = made->nodes_.size();
    return made;
}

error_code filter::add(const protocol::filter_node& said, std::size_t depth) {
    static constexpr std::array<std::pair<std::string_view, kind>, 3> ops{
        {{"and", kind::all_of}, {"or", kind::any_of}, {"not", kind::none_of}}};
    static constexpr std::array<std::pair<std::string_view, kind>, 13> cmps{{{"eq", kind::eq},
                                                                             {"neq", kind::neq},
                                                                             {"in", kind::in},
                                                                             {"nin", kind::nin},
                                                                             {"ex", kind::ex},
                                                                             {"nex", kind::nex},
                                                                             {"sw", kind::sw},
                                                                             {"ew", kind::ew},
                                                                             {"ct", kind::ct},
                                                                             {"lt", kind::lt},
                                                                             {"lte", kind::lte},
                                                                             {"gt", kind::gt},
                                                                             {"gte", kind::gte}}};
    if (depth > depth_max) return error::too_deep;
    const bool joins = !said.op.empty();
    const std::span<const std::pair<std::string_view, kind>> known =
        joins ? std::span{ops.data(), ops.size()} : std::span{cmps.data(), cmps.size()};
    const auto found = std::ranges::find(known, joins ? said.op : said.cmp, &std::pair<std::string_view, kind>::first);
    if (found == known.end()) return joins ? error::unknown_op : error::unknown_cmp;
    if (const error_code why = check_operands(said, found->second)) return why;

    const std::size_t at = nodes_.size();
    node& made = nodes_.emplace_back();
    made.what = found->second;
    text_ += found->first;
    if (!joins) {
        made.key = said.key;
        if (!said.val.empty()) made.values.emplace_back(said.val);
        for (const std::string_view each : said.vals) made.values.emplace_back(each);
        append_text(text_, made.key);
        text_ += std::to_string(made.values.size());
        for (const std::string& each : made.values) append_text(text_, each);
        made.end = at + 1;
        return {};
    }
    text_ += '(';
    for (const protocol::filter_node& each : said.nodes) {
        if (const error_code why = add(each, depth + 1)) return why;
    }
    text_ += ')';
    nodes_[at].end = nodes_.size();
    return {};
}

error_code filter::check_operands(const protocol::filter_node& said, kind what) noexcept {
    bool good = false;
    switch (what) {
    case kind::all_of:
    case kind::any_of: good = !said.nodes.empty(); break;
    case kind::none_of: good = said.nodes.size() == 1; break;
    case kind::in:
    case kind::nin: good = !said.key.empty() && said.val.empty() && !said.vals.empty(); break;
    case kind::ex:
    case kind::nex: good = said.val.empty() && said.vals.empty(); break;
    case kind::eq:
    case kind::neq:
    case kind::sw:
    case kind::ew:
    case kind::ct:
    case kind::lt:
    case kind::lte:
    case kind::gt:
    case kind::gte: good = !said.key.empty() && !said.val.empty() && said.vals.empty(); break;
    }
    return good ? error_code{} : error_code{error::bad_operands};
}

bool filter::holds(std::size_t at, const tags& of) const noexcept {
    const node& here = nodes_[at];
    switch (here.what) {
    case kind::all_of:
        for (std::size_t each = at + 1; each < here.end; each = nodes_[each].end)
            if (!holds(each, of)) return false;
        return true;
    case kind::any_of:
        for (std::size_t each = at + 1; each < here.end; each = nodes_[each].end)
            if (holds(each, of)) return true;
        return false;
    case kind::none_of: return !holds(at + 1, of);
    default: return compares(here, of);
    }
}

// What is not there is not equal to anything, and of lists it is as if it were empty.
bool filter::compares(const node& how, const tags& of) noexcept {
    const std::string* const found = of.find(how.key);
    const std::string_view value = found == nullptr ? std::string_view{} : std::string_view{*found};
    const auto order = [&] { return found == nullptr ? std::nullopt : compare_numbers(value, how.values.front()); };
    switch (how.what) {
    case kind::eq: return found != nullptr && value == how.values.front();
    case kind::neq: return found == nullptr || value != how.values.front();
    case kind::in: return std::ranges::find(how.values, value) != how.values.end();
    case kind::nin: return std::ranges::find(how.values, value) == how.values.end();
    case kind::ex: return found != nullptr;
    case kind::nex: return found == nullptr;
    case kind::sw: return value.starts_with(how.values.front());
    case kind::ew: return value.ends_with(how.values.front());
    case kind::ct: return value.find(how.values.front()) != std::string_view::npos;
    case kind::lt: return order().value_or(1) < 0;
    case kind::lte: return order().value_or(1) <= 0;
    case kind::gt: return order().value_or(-1) > 0;
    case kind::gte: return order().value_or(-1) >= 0;
    case kind::all_of:
    case kind::any_of:
    case kind::none_of: break; // holds() has them
    }
    CHECK(false);
}

} // namespace carillon::filters
