#include "channels/rules.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>
#include <regex>
#include <set>

namespace carillon::channels {
namespace {

// The rules said once more, as slowly and as plainly as they can be: with strings, sets and lists of users.

struct model {
    std::map<std::string, name_space> spaces;
    std::size_t longest;

    struct reading {
        verdict said = verdict::allowed;
        const name_space* space = nullptr;
        bool is_private = false;
        std::optional<std::set<std::string>> users;
    };

    reading read(std::string channel) const {
        reading made;
        if (channel.empty() || channel.size() > longest) return {verdict::bad_request, nullptr, false, {}};
        const bool ascii = channel.find_first_of("\xc3\xa4") == channel.npos;
        made.is_private = channel[0] == '$';
        if (made.is_private) channel.erase(0, 1);
        std::string space_name, rest = channel;
        static const std::regex with_space{"([^:]+):([^]*)"};
        if (std::smatch parts; std::regex_match(channel, parts, with_space)) {
            space_name = parts[1];
            rest = parts[2];
        }
        static const std::regex letters{"[ab]+"};
        static const name_space none;
        if (spaces.contains(space_name)) {
            made.space = &spaces.at(space_name);
        } else if (space_name.empty()) {
            made.space = &none;
        } else {
            return {verdict::unknown_channel, nullptr, false, {}};
        }
        std::string text = rest;
        if (made.space->user_limited && rest.find('#') != rest.npos) {
            text = rest.substr(0, rest.rfind('#'));
            made.users.emplace();
            std::string user;
            for (const char letter : rest.substr(rest.rfind('#') + 1) + ",") {
                if (letter != ',') {
                    user += letter;
                    continue;
                }
                if (!user.empty()) made.users->insert(user);
                user.clear();
            }
        }
        const bool personal = made.users && text.empty();
        if (made.space->channel_pattern.empty() ? !ascii : !personal && !std::regex_match(text, letters))
            made.said = verdict::bad_request;
        return made;
    }

    /// What the client is, as the parties of the configuration.
    static std::set<party> parties(const std::string& user, membership how) {
        std::set<party> all{party::anonymous};
        if (!user.empty()) all.insert(party::client);
        if (how != membership::none) all.insert(party::subscriber);
        if (how == membership::by_token) all.insert(party::token);
        return all;
    }

    static verdict one_of(const audience& list, const std::set<party>& parties) {
        for (const party each : parties)
            if (list.has(each)) return verdict::allowed;
        return verdict::permission_denied;
    }

    verdict subscribe(const std::string& user, const std::string& channel, bool has_token) const {
        const auto made = read(channel);
        if (made.said != verdict::allowed) return made.said;
        if (has_token) return verdict::allowed;
        if (made.is_private) return verdict::permission_denied;
        if (made.users) return made.users->contains(user) ? verdict::allowed : verdict::permission_denied;
        return one_of(made.space->subscribe, parties(user, membership::none));
    }

    verdict act(audience name_space::*list, bool (*has)(const name_space&), const std::string& user,
                const std::string& channel, membership how) const {
        const auto made = read(channel);
        if (made.said != verdict::allowed) return made.said;
        if (!has(*made.space)) return verdict::not_available;
        // An outsider may not do what needs to be in, and is in only who subscribed or could without asking the list.
        if (how == membership::none) {
            if (made.is_private) return verdict::permission_denied;
            if (made.users && !made.users->contains(user)) return verdict::permission_denied;
        }
        return one_of(made.space->*list, parties(user, how));
    }
};

class chance {
public:
    explicit chance(unsigned seed) : engine_{seed} {}
    std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>{0, end - 1}(engine_); }
    bool half() { return below(2) == 0; }
    audience some_audience() {
        audience made;
        for (const party each : {party::anonymous, party::client, party::subscriber, party::token})
            if (below(3) == 0) made.add(each);
        return made;
    }
    name_space some_space(const std::string& name) {
        name_space made{.name = name,
                        .subscribe = some_audience(),
                        .publish = some_audience(),
                        .history = some_audience(),
                        .presence_for = some_audience(),
                        .user_limited = half()};
        if (below(3) == 0) made.channel_pattern = "[ab]+";
        made.history_size = below(2);
        made.presence = half();
        return made;
    }
    /// Few pieces, so that what has a meaning meets often.
    std::string some_channel() {
        static constexpr std::array<const char*, 14> pieces{
            "$", ":", "#", ",", "a", "b", "aa:", "bb:", "$aa:", "42", "7", "#42", ",", "\xc3\xa4"};
        std::string made;
        for (std::size_t left = below(6); left > 0; --left) made += pieces[below(pieces.size())];
        return made;
    }

private:
    std::mt19937 engine_;
};

TEST(rules, agree_with_the_plain_model_on_random_namespaces_and_names) {
    constexpr unsigned rounds = 400, questions = 250;
    std::map<verdict, unsigned> answers;
    for (unsigned seed = 0; seed < rounds; ++seed) {
        chance random{seed};
        model plain{{}, 8 + random.below(8)};
        std::vector<name_space> all;
        for (const auto* name : {"bb", "", "aa", "cc"})
            if (random.half()) plain.spaces.emplace(name, all.emplace_back(random.some_space(name)));
        const rules these{all, plain.longest};
        for (unsigned question = 0; question < questions; ++question) {
            const std::string channel = random.some_channel();
            const std::string user = std::array{"", "42", "7", "a"}[random.below(4)];
            const auto how = static_cast<membership>(random.below(3));
            SCOPED_TRACE(testing::Message() << "seed " << seed << ", channel '" << channel << "', user '" << user
                                            << "', membership " << static_cast<int>(how));
            const bool has_token = how == membership::by_token;
            const auto said = these.may_subscribe(user, channel, has_token);
            ASSERT_EQ(said, plain.subscribe(user, channel, has_token));
            ++answers[said];
            ASSERT_EQ(these.find(channel).said, plain.read(channel).said);
            ASSERT_EQ(these.may_publish(user, channel, how),
                      plain.act(
                          &name_space::publish, [](const name_space&) { return true; }, user, channel, how));
            const auto history = these.may_read_history(user, channel, how);
            ASSERT_EQ(history, plain.act(
                                   &name_space::history, [](const name_space& space) { return space.history_size > 0; },
                                   user, channel, how));
            ++answers[history];
            ASSERT_EQ(these.may_see_presence(user, channel, how),
                      plain.act(
                          &name_space::presence_for, [](const name_space& space) { return space.presence; }, user,
                          channel, how));
        }
    }
    // Every answer was given often enough to mean something.
    for (const verdict each : {verdict::allowed, verdict::unknown_channel, verdict::permission_denied,
                               verdict::bad_request, verdict::not_available})
        EXPECT_GT(answers[each], rounds * questions / 100);
}

} // namespace
} // namespace carillon::channels
