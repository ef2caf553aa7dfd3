#include "worker/publish/converters.h"

#include <string_view>
#include <utility>

#include "common/config/converters.h"
#include "common/registry/registry_settings.h"
#include "worker/plugin/plugin_encoder.h"
#include "worker/registry/registrar.h"

namespace e2k::worker {
namespace {

Result<std::unique_ptr<SchemaIds>> ids_for(const SchemaDocument* schema, const ConverterOptions& options,
                                           config::RecordPart part, const Doorbell& bell) {
  if (schema == nullptr) return nullptr;
  auto registrar = Registrar::create(config::registry_part(options, part), part, *schema, bell);
  if (!registrar) return tl::unexpected(registrar.error());
  return std::move(*registrar);
}

}  // namespace

Result<Converters> make_converters(const LaunchContract& c, const Doorbell& bell) {
  constexpr std::string_view kPlugin = "plugin:";
  Converters made;
  auto value = c.value_converter.starts_with(kPlugin)
                   ? load_plugin_encoder(c.value_converter.substr(kPlugin.size()), c.value_options)
                   : make_value_encoder(c.value_converter, c.value_schema, c.value_options);
  if (!value) return tl::unexpected(value.error());
  made.value = std::move(*value);
  auto key = make_key_encoder(c.key_converter, c.key_options);
  if (!key) return tl::unexpected(key.error());
  made.key = std::move(*key);
  auto value_ids = ids_for(made.value->schema(), c.value_options, config::RecordPart::value, bell);
  if (!value_ids) return tl::unexpected(value_ids.error());
  made.value_ids = std::move(*value_ids);
  auto key_ids = ids_for(made.key->schema(), c.key_options, config::RecordPart::key, bell);
  if (!key_ids) return tl::unexpected(key_ids.error());
  made.key_ids = std::move(*key_ids);
  return made;
}

}  // namespace e2k::worker
