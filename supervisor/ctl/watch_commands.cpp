#include "supervisor/ctl/watch_commands.h"

#include <memory>

#include "supervisor/ctl/lists.h"

namespace e2k::supervisor::ctl {
namespace {

void add_channels(CLI::App& app, const WatchCommandContext& context) {
  CLI::App* verb = app.add_subcommand("channels", "a row for each entry");
  auto filter = std::make_shared<ChannelsFilter>();  // shared: by the callbacks that CLI11 copies
  verb->add_option("--state", filter->states, "in this state, or one of several: A,B")
      ->allow_extra_args(false);
  verb->add_option("--worker", filter->worker, "slot of the worker");
  verb->add_option("--prefix", filter->prefix, "beginning of the channel's name");
  verb->add_option("--topic", filter->topic, "the output topic, as commanded");
  verb->add_option("--host", filter->host, "the IOC's address, with or without port");
  verb->add_option("--older-than", filter->older_than_s, "without an event for so many seconds")
      ->check(CLI::NonNegativeNumber);
  verb->add_flag("--lost", filter->lost, "those that lost events");
  verb->add_option("--sort", filter->sort, "by this column: texts from a to z, the largest figures first");
  verb->add_option("--limit", filter->limit, "rows at most; with --sort 1000 where not given");
  context.add_watch(verb);
  verb->callback([context, filter] {
    context.choose([context, filter] {
      return context.run([&](const Client& c, const Output& o) { return show_channels(c, *filter, o); });
    });
  });
}

void add_topics(CLI::App& app, const WatchCommandContext& context) {
  CLI::App* verb = app.add_subcommand("topics", "a row for each output topic");
  context.add_watch(verb);
  auto topics = std::make_shared<TopicsVerb>();
  verb->callback([context, topics] {
    context.choose([context, topics] {
      return context.run([&](const Client& c, const Output& o) { return topics->show(c, o); });
    });
  });
}

void add_hosts(CLI::App& app, const WatchCommandContext& context) {
  CLI::App* verb = app.add_subcommand("hosts", "a row for each IOC");
  context.add_watch(verb);
  verb->callback([context] { context.choose([context] { return context.run(show_hosts); }); });
}

}  // namespace

void add_watch_commands(CLI::App& app, const WatchCommandContext& context) {
  add_channels(app, context);
  add_topics(app, context);
  add_hosts(app, context);
}

}  // namespace e2k::supervisor::ctl
