/*
 * The C interface of an environment, version 1: what fastpg calls, and what it gives.
 *
 * An environment is a `fastpg_env`: sizes, spaces, parameters and functions. The functions work on
 * blocks of environments, whose states are a structure of arrays of doubles. They may run in several
 * threads at the same time, with different blocks, without Python's lock. They return 0, or a status
 * of their own if an environment failed, after they set `failed` of the block to its entry.
 *
 * docs/native_environments.md explains each part; env.hpp beside this file builds a `fastpg_env` out
 * of a C++ struct.
 */
#ifndef FASTPG_ENV_H
#define FASTPG_ENV_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FASTPG_ENV_VERSION 1

/*
 * In front of the function that gives the environment of a library, in C or C++, so that it can be
 * found, whatever the compiler hides:
 *
 *   FASTPG_EXPORT const fastpg_env* fastpg_environment(void) { return &walk; }
 */
#if defined(_WIN32)
#define FASTPG_EXPORT_SYMBOL __declspec(dllexport)
#else
#define FASTPG_EXPORT_SYMBOL __attribute__((visibility("default")))
#endif
#ifdef __cplusplus
#define FASTPG_EXPORT extern "C" FASTPG_EXPORT_SYMBOL
#else
#define FASTPG_EXPORT FASTPG_EXPORT_SYMBOL
#endif

/* A random stream: NumPy's PCG64. The words are private: draw with `fastpg_draws`. */
typedef struct fastpg_stream {
  uint64_t words[4];
} fastpg_stream;

/* Draws from a stream. Each moves the stream on. */
typedef struct fastpg_draws {
  uint64_t (*bits)(fastpg_stream* stream);               /* 64 random bits */
  double (*uniform)(fastpg_stream* stream);              /* on [0, 1), as numpy's Generator.random */
  double (*normal)(fastpg_stream* stream);               /* mean 0, standard deviation 1 */
  double (*exponential)(fastpg_stream* stream);          /* mean 1 */
  int64_t (*integer)(fastpg_stream* stream, int64_t n);  /* on 0 … n - 1; 0 if n < 1 */
} fastpg_draws;

/*
 * `count` environments. Number k of the state of entry i is state[k * stride + i].
 * Every field has 8 bytes.
 */
typedef struct fastpg_block {
  double* state;
  int64_t stride;
  int64_t count;
  const double* params;      /* one number for each parameter, the same for all entries */
  fastpg_stream* streams;    /* see fastpg_stream_of */
  const int64_t* order;      /* which stream belongs to which entry; null: entry i has stream i */
  const fastpg_draws* draws;
  int64_t failed;            /* to be set before a status other than 0 is returned */
} fastpg_block;

/* The random stream of entry i. */
static inline fastpg_stream* fastpg_stream_of(const fastpg_block* block, int64_t i) {
  return block->streams + (block->order ? block->order[i] : i);
}

/* A parameter, or a number that a reset takes. */
typedef struct fastpg_number {
  const char* name;     /* an identifier */
  const char* meaning;  /* with its unit; null: none */
  double value;         /* the default */
  double low, high;     /* allowed range, ends included */
  int64_t integer;      /* 1: whole numbers alone */
} fastpg_number;

enum { FASTPG_DISCRETE = 0, FASTPG_MULTI_DISCRETE = 1, FASTPG_CONTINUOUS = 2 };

/*
 * Everything that a pointer here refers to stays where it is until `release` is called. Names of
 * numbers are identifiers, each another one: letters of ASCII, digits and _, no digit first.
 */
typedef struct fastpg_env {
  uint32_t version; /* FASTPG_ENV_VERSION */
  uint32_t size;    /* sizeof(fastpg_env) */
  const char* name; /* an id such as "SwingUp-v0" */

  int64_t state_size;             /* 1 … 1024 */
  const char* const* state_names; /* (state_size,), identifiers; null: none */

  int64_t observation_size;             /* 1 … 4096 */
  const char* const* observation_names; /* (observation_size,), the same */
  const float* observation_low;         /* (observation_size,); null: -infinity */
  const float* observation_high;        /* (observation_size,); null: infinity */

  int64_t action_kind;          /* FASTPG_DISCRETE, … */
  int64_t action_size;          /* numbers of an action; 1 for FASTPG_DISCRETE */
  const int64_t* action_counts; /* (action_size,) of discrete actions: how many each choice has */
  const double* action_low;     /* (action_size,) of continuous actions */
  const double* action_high;    /* (action_size,) of continuous actions */

  int64_t draws_in_steps; /* 1: `step` draws from the streams */

  int64_t parameter_count;
  const fastpg_number* parameters; /* (parameter_count,) */
  int64_t option_count;
  const fastpg_number* options; /* (option_count,): numbers that a reset takes */

  int64_t max_episode_steps; /* 0: none */
  double reward_threshold;   /* NaN: none */

  void* context; /* handed to each function */

  /* New states, drawn from the streams. options: (option_count,) */
  int64_t (*reset)(void* context, fastpg_block* block, const double* options);

  /* Number k of the observation of entry i goes to out[k * stride + i]. */
  int64_t (*observe)(void* context, fastpg_block* block, float* out, int64_t stride);

  /*
   * Moves the states. Number k of the action of entry i is choices[i * action_size + k], in
   * 0 … action_counts[k] - 1, or numbers[i * action_size + k], finite and not clipped; the other
   * pointer is null. rewards, terminated (0 or 1): (count,).
   */
  int64_t (*step)(void* context, fastpg_block* block, const int32_t* choices, const double* numbers,
                  double* rewards, uint8_t* terminated);

  /*
   * Null, or which discrete actions are allowed: of the action_counts of all choices side by side,
   * flag k of entry i goes to allowed[k * stride + i]. Each choice has at least one.
   */
  int64_t (*mask)(void* context, fastpg_block* block, uint8_t* allowed, int64_t stride);

  /*
   * Null, or words in UTF-8 for a status that a function has returned. Called in the same thread,
   * right after it. Valid until the next call in this thread.
   */
  const char* (*message)(void* context, int64_t status);

  /* Null, or called once when nobody uses the environment any more. */
  void (*release)(void* context);
} fastpg_env;

#ifdef __cplusplus
}
#endif

#endif
