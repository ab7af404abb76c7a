/* A walk of two actions whose start and steps are drawn; it ends beyond 3. */
#include <fastpg/env.h>

static int64_t reset(void* context, fastpg_block* block, const double* options) {
  (void)context;
  for (int64_t i = 0; i < block->count; ++i)
    block->state[i] = options[0] * block->draws->uniform(fastpg_stream_of(block, i));
  return 0;
}

static int64_t observe(void* context, fastpg_block* block, float* out, int64_t stride) {
  (void)context, (void)stride;
  for (int64_t i = 0; i < block->count; ++i) out[i] = (float)block->state[i];
  return 0;
}

static int64_t step(void* context, fastpg_block* block, const int32_t* choices,
                    const double* numbers, double* rewards, uint8_t* terminated) {
  (void)context, (void)numbers;
  for (int64_t i = 0; i < block->count; ++i) {
    const double length = block->params[0] * block->draws->uniform(fastpg_stream_of(block, i));
    block->state[i] += choices[i] == 1 ? length : -length;
    rewards[i] = -block->state[i];
    terminated[i] = block->state[i] > 3.0 || block->state[i] < -3.0;
  }
  return 0;
}

static const fastpg_number parameters[] = {{"length", "of a step", 0.5, 0.0, 1.0, 0}};
static const fastpg_number options[] = {{"spread", "of the start", 1.0, 0.0, 10.0, 0}};
static const int64_t counts[] = {2};

static const fastpg_env walk = {
    .version = FASTPG_ENV_VERSION, .size = sizeof(fastpg_env), .name = "AbiWalk-v0",
    .state_size = 1, .observation_size = 1,
    .action_kind = FASTPG_DISCRETE, .action_size = 1, .action_counts = counts,
    .draws_in_steps = 1, .parameter_count = 1, .parameters = parameters,
    .option_count = 1, .options = options, .max_episode_steps = 100, .reward_threshold = 0.0,
    .reset = reset, .observe = observe, .step = step,
};

const fastpg_env* fastpg_environment(void) { return &walk; }
