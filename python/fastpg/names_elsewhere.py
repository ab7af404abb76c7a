"""Names of other libraries, and what stands for them in fastpg."""

from __future__ import annotations

# Names in other libraries, and the name in fastpg; of several names the first that is known.
ELSEWHERE = {
    "num_envs": "n_envs",
    "n_envs": "num_envs",
    "obs": "observation",
    "action_mask": "action_masks",
    "mask": "action_masks",
    "model_path": "path",
    "num_env_runners": "n_envs",
    "num_steps": "n_steps",
    "steps_per_epoch": "n_steps",
    "batch": "batch_size",
    "minibatch_size": "batch_size",
    "num_minibatches": "batch_size",
    "update_epochs": "n_epochs",
    "num_epochs": "n_epochs",
    "train_pi_iters": "n_epochs",
    "lr": "learning_rate",
    "pi_lr": "learning_rate",
    "policy_lr": "learning_rate",
    "step": "step_size",
    "eta": "step_size learning_rate",
    "learning_rate": "step_size target_kl",
    "step_size": "learning_rate",
    "epsilon": "clip_range",
    "eps": "clip_range",
    "discount": "gamma",
    "lam": "gae_lambda",
    "lambda_": "gae_lambda",
    "clip_coef": "clip_range",
    "clip_eps": "clip_range",
    "clip_param": "clip_range",
    "clip_ratio": "clip_range",
    "eps_clip": "clip_range",
    "entropy": "ent_coef",
    "entropy_coeff": "ent_coef",
    "entropy_coef": "ent_coef",
    "grad_clip": "max_grad_norm",
    "norm_adv": "normalize_advantage",
    "advantage_normalization": "normalize_advantage",
    "standardize_advantages": "normalize_advantage",
    "max_kl": "target_kl",
    "delta": "target_kl",
    "kl_target": "target_kl",
    "kl_dist": "target_kl",
    "max_constraint_value": "target_kl",
    "normalized_step_size": "target_kl",
    "trust_region_size": "step_size",
    "const_learn_rate": "step_size",
    "cg_iters": "cg_max_steps max_steps",
    "cg_iterations": "cg_max_steps max_steps",
    "damping": "cg_damping damping",
    "damping_coeff": "cg_damping damping",
    "hvp_reg_coeff": "cg_damping",
    "backtrack_coeff": "line_search_shrinking_factor",
    "backtrack_ratio": "line_search_shrinking_factor",
    "backtrack_iters": "line_search_max_iter",
    "max_backtracks": "line_search_max_iter",
    "line_search_steps": "line_search_max_iter",
    "total_steps": "total_timesteps",
    "n_timesteps": "total_timesteps",
    "timesteps": "total_timesteps",
    "n_episodes": "n_steps n_eval_episodes",
    "num_episodes": "n_eval_episodes",
    "return_episode_returns": "return_episode_rewards",
    "callbacks": "callback",
    "progress": "progress_bar",
    "kl_coeff": "kl_coef",
    "beta": "kl_coef",
    "hvp_sample_frac": "fisher_subsample",
    "features_extractor_class": "features",
    "features_extractor_kwargs": "features_kwargs",
    "feature_map": "features",
    "normalize": "normalize_observations",
    "norm_reward": "normalize_reward",
    "normalize_obs": "normalize_observations",
    "norm_obs": "normalize_observations",
    "log_std": "log_std_init",
    "hidden_sizes": "net_arch",
    "critic_lr": "critic_learning_rate",
    "vf_lr": "critic_learning_rate",
    "LinearPolicy": "linear",
    "REINFORCE": "reinforce",
    "vpg": "reinforce",
    "pg": "reinforce",
}


# Names above whose numbers are others than those of the name in fastpg.
NOTES = {
    "learning_rate": "natural steps are as long as target_kl allows; NPG's step_size fixes eta",
    "delta": "the lecture's delta is target_kl in L4, and 2 target_kl in L6",
    "normalized_step_size": "which is half of it",
    "num_minibatches": "the number of samples in one",
    "steps_per_epoch": "the steps of each environment",
}

_ITS_OWN_FIT = "the baseline is fitted separately: it shares no loss with the policy"
_OF_A_POLICY = "it belongs to the policy: give it in policy_kwargs"
_NO_LAYERS = "a linear policy has no layers: expected with policy='mlp'"
_NO_FEATURES = "a perceptron takes the observation itself: expected with policy='linear'"
_OF_AN_ENV = (
    "it belongs to the environment: make the environment with it, or give env_kwargs to train()"
)
_OF_LEARN = "it belongs to learn() and train()"
_LOG = (
    "learn(log='runs/NAME') keeps records, evaluations and models in a folder, and "
    "log=loggers.TensorBoardLogger(folder) writes for TensorBoard"
)
_NO_PRINT = "nothing is printed: learn(progress_bar=True) shows progress, history has the records"
_NO_SDE = (
    "there is no gSDE: log_std_init in policy_kwargs sets sigma, and with policy='mlp' "
    "state_dependent_std=True makes it depend on the state"
)
_CPU = "fastpg runs on the CPU alone; num_threads sets its threads"
_NO_BUFFER = "rollouts are fastpg.Rollout objects, as fastpg.collect() returns them"
_OPTIMIZER = "the optimizer is an option of the algorithm, such as optimizer='rmsprop'"

# Names that are no options: of other libraries, or of other functions of fastpg; and the reason.
NOT_HERE = {
    "vf_coef": _ITS_OWN_FIT,
    "value_coef": _ITS_OWN_FIT,
    "value_loss_coef": _ITS_OWN_FIT,
    "vf_loss_coeff": _ITS_OWN_FIT,
    "clip_range_vf": _ITS_OWN_FIT,
    "net_arch": _OF_A_POLICY,
    "activation_fn": _OF_A_POLICY,
    "ortho_init": _OF_A_POLICY,
    "features": _OF_A_POLICY,
    "features_kwargs": _OF_A_POLICY,
    "log_std_init": _OF_A_POLICY,
    "state_dependent_std": _OF_A_POLICY,
    "normalize_observations": _OF_A_POLICY,
    "env_kwargs": _OF_AN_ENV,
    "max_episode_steps": _OF_AN_ENV,
    "render_mode": _OF_AN_ENV,
    "total_timesteps": _OF_LEARN,
    "callback": _OF_LEARN,
    "n_timesteps": "it belongs to learn() and train(), as total_timesteps",
    "eval_env": _OF_LEARN,
    "eval_freq": _OF_LEARN,
    "n_eval_episodes": _OF_LEARN,
    "log_interval": "it belongs to learn()",
    "tuned": "it belongs to train()",
    "reset_num_timesteps": "it belongs to learn()",
    "progress_bar": "it belongs to learn()",
    "log": "it belongs to learn()",
    "tensorboard_log": _LOG,
    "verbose": _NO_PRINT,
    "use_sde": _NO_SDE,
    "sde_sample_freq": _NO_SDE,
    "device": _CPU,
    "stats_window_size": "the records' means are over the last 100 episodes",
    "rollout_buffer_class": _NO_BUFFER,
    "rollout_buffer_kwargs": _NO_BUFFER,
    "_init_setup_model": "a new algorithm is always ready to learn",
    "sub_sampling_factor": "here it is fisher_subsample, a fraction: 1 / sub_sampling_factor",
}

# Arguments of `learn` elsewhere, and what does their work here.
NOT_OF_LEARN = {
    "tb_log_name": _LOG,
    "tensorboard_log": _LOG,
    "verbose": _NO_PRINT,
    "eval_log_path": _LOG,
    "log_path": _LOG,
    "logger": "log= takes a logger, a list of them, or the path of a run folder",
    "use_masking": "action masks of the environment are always used",
    "render": "evaluations are not shown: callback_after_eval can do so",
    "warn": "what concerns an environment is always reported",
    "save_replay_buffer": "there is no replay buffer",
    "save_vecnormalize": "normalisation of observations is saved with the policy",
    "seed": "it belongs to the algorithm: PPO(policy, env, seed=…)",
    "n_episodes": "training is counted in steps: expected total_timesteps",
    "total_episodes": "training is counted in steps: expected total_timesteps",
}

# Arguments of `predict` elsewhere, and the reason.
_STATELESS = "policies have no state: leave it out"
NOT_OF_PREDICT = dict.fromkeys(("state", "episode_start"), _STATELESS)

# Arguments of other functions elsewhere, and what does their work here.
_ALL_SAVED = "everything that learning needs is saved"
NOT_AN_ARGUMENT = {
    "verbose": _NO_PRINT,
    "device": _CPU,
    "custom_objects": "options are keywords: load(path, env, learning_rate=…)",
    "print_system_info": "fastpg.build_info() has it",
    "force_reset": "learning begins with new episodes",
    "exclude": _ALL_SAVED,
    "include": _ALL_SAVED,
    "warn": "the module warnings of Python filters warnings",
    "skip_render_check": "pictures are not examined",
}

# Arguments of `make_vec` elsewhere, and what does their work here.
_WRAP = "wrap what make_vec returns, in wrappers of gymnasium.wrappers.vector"
NOT_OF_MAKE_VEC = {
    "seed": "env.reset(seed=…) takes it, and the algorithms",
    "start_index": "environment i gets seed + i in env.reset(seed=…)",
    "env_kwargs": "options of the environment are keywords",
    "env_fns": "the algorithms take a list of callables, or one with n_envs=",
    "monitor_dir": "returns and lengths are counted without a wrapper",
    "monitor_kwargs": "returns and lengths are counted without a wrapper",
    "vec_env_cls": "there is one class: num_threads sets its threads",
    "vec_env_kwargs": "there is one class: num_threads sets its threads",
    "vectorization_mode": "there is one class: num_threads sets its threads",
    **dict.fromkeys(("wrapper_class", "wrapper_kwargs", "wrappers"), _WRAP),
}

# Names that other packages export, and what does their work here.
_NORMALIZES = (
    "policy_kwargs=dict(normalize_observations=True) and normalize_reward=True; both are saved "
    "with the policy"
)
_VECTOR = "fastpg.make_vec, or gymnasium.vector; any vector environment is taken"
_ON_POLICY = "PPO, TRPO, NPG or REINFORCE: all algorithms learn on-policy"
_EVERY_ITERATION = "fastpg.callbacks.Callback with on_iteration, or a function of the record"
_LOGS = "fastpg.loggers, for learn(log=…)"
_BY_NAME = "the name of the policy, 'mlp' or 'MlpPolicy'"
_SCHEDULE = "a text such as 'lin_0.001', or a function of the fraction of training that remains"
_MASKS = "nothing: masks are read from info['action_mask'] or action_masks() of the environment"
_UNCOUNTED = "nothing: returns and lengths are counted without a wrapper"
NOT_EXPORTED = {
    "make_vec_env": "fastpg.make_vec(id, num_envs), or n_envs= of the algorithms",
    "make_atari_env": "an environment whose observations are vectors: images are not supported",
    "common": "fastpg itself: fastpg.evaluate_policy, fastpg.callbacks and the rest",
    "env_util": "fastpg.make_vec(id, num_envs), or n_envs= of the algorithms",
    "env_checker": "fastpg.check_env",
    "vec_env": _VECTOR,
    "logger": _LOGS,
    **dict.fromkeys(("configure", "KVWriter", "HumanOutputFormat"), _LOGS),
    **dict.fromkeys(("BaseCallback", "EventCallback", "ConvertCallback"), _EVERY_ITERATION),
    **dict.fromkeys(("EveryNTimesteps", "LogEveryNTimesteps"), _EVERY_ITERATION),
    "MaskableEvalCallback": "fastpg.callbacks.EvalCallback, which uses masks",
    **dict.fromkeys(("ActionMasker", "get_action_masks", "is_masking_supported"), _MASKS),
    "set_random_seed": "the argument seed of the algorithm",
    "get_device": f"nothing: {_CPU}",
    **dict.fromkeys(("get_schedule_fn", "get_linear_fn", "LinearSchedule"), _SCHEDULE),
    "BaseAlgorithm": "fastpg.algorithms.base.Algorithm",
    "OnPolicyAlgorithm": "fastpg.algorithms.base.Algorithm",
    "RolloutBuffer": "fastpg.Rollout, as fastpg.collect() returns it",
    "ReplayBuffer": _ON_POLICY,
    "NormalActionNoise": _ON_POLICY,
    "sync_envs_normalization": _NORMALIZES,
    "VecFrameStack": "gymnasium.wrappers.FrameStackObservation",
    "VecVideoRecorder": "fastpg.playing.play and Gif, or gymnasium.wrappers.RecordVideo",
    "VecCheckNan": "nothing: numbers that are not finite are errors",
    "results_plotter": "fastpg.plots.learning_curves, or fastpg plot",
    "plot_results": "fastpg.plots.learning_curves, or fastpg plot",
    "ts2xy": "fastpg.monitor.read_monitor",
    **dict.fromkeys(("ActorCriticPolicy", "MultiInputActorCriticPolicy"), _BY_NAME),
    **dict.fromkeys(("MaskableActorCriticPolicy", "MlpPolicy", "MultiInputPolicy"), _BY_NAME),
    "VecNormalize": _NORMALIZES,
    "NormalizeObservation": _NORMALIZES,
    "NormalizeReward": _NORMALIZES,
    "DummyVecEnv": _VECTOR,
    "SubprocVecEnv": _VECTOR,
    "VecEnv": _VECTOR,
    **dict.fromkeys(("Monitor", "VecMonitor", "RecordEpisodeStatistics"), _UNCOUNTED),
    **dict.fromkeys(("SAC", "TD3", "DDPG", "DQN", "HER", "RecurrentPPO"), _ON_POLICY),
    **dict.fromkeys(("ARS", "CrossQ", "QRDQN", "TQC"), _ON_POLICY),
    "A2C": "PPO with n_epochs=1 and batch_size n_envs * n_steps: the policy gradient is the same",
    "MaskablePPO": "fastpg.PPO, which reads the action masks of the environment",
    "PRESETS": "fastpg.tuned_settings(); its settings are now tuned settings",
    "Preset": "fastpg.TunedSettings",
    "train_preset": "fastpg.train(algorithm, env_id), which uses tuned settings",
}

# Arguments of other policies, and the reason.
NOT_OF_THIS_POLICY = {
    "net_arch": _NO_LAYERS,
    "activation_fn": _NO_LAYERS,
    "ortho_init": _NO_LAYERS,
    "features": _NO_FEATURES,
    "features_kwargs": _NO_FEATURES,
    "use_sde": _NO_SDE,
    "full_std": _NO_SDE,
    "use_expln": _NO_SDE,
    "squash_output": "actions are clipped to the bounds of the space, and not squashed",
    "share_features_extractor": "policy and value function share nothing",
    "normalize_images": "images are not supported",
    "optimizer_class": _OPTIMIZER,
    "optimizer_kwargs": _OPTIMIZER,
    "lr_schedule": "it belongs to the algorithm, as learning_rate",
    "state_dependent_std": "a linear policy has one sigma: expected with policy='mlp'",
}

NOT_OF_A_PERCEPTRON = NOT_OF_THIS_POLICY | dict.fromkeys(
    ("features_extractor_class", "features_extractor_kwargs"), _NO_FEATURES
)

# Policies of other libraries.
NOT_A_POLICY = {
    "MultiInputPolicy": (
        "'mlp' takes Dict and Tuple observations too, whose parts are flattened to one vector, "
        "Discrete ones as one-hot codes"
    ),
    "CnnPolicy": (
        "images are not supported: 'mlp' takes observations that are vectors, and Dict and Tuple "
        "observations flattened to one"
    ),
    "MlpLstmPolicy": "recurrent policies are not supported",
}

# Attributes of vector environments of stable-baselines3.
NOT_OF_A_VECTOR_ENV = {
    "seed": "env.reset(seed=…)",
    "set_options": "env.reset(options=…)",
    "env_method": "env.call(name)",
    "env_is_wrapped": "nothing: native environments have no wrappers",
    "step_async": "env.step(actions)",
    "step_wait": "env.step(actions)",
    "reset_infos": "env.reset(), which returns (observations, info)",
    "envs": "env.call(name) and env.get_attr(name); the environments are in C++",
    "venv": "env",
}

# Attributes of policies elsewhere, and what does their work here.
_LAYERS = "layers of a perceptron are policy.layers, and theta has all parameters"
NOT_OF_A_POLICY = {
    "predict_values": "algo.baseline.predict(observations, step_index)",
    "get_distribution": "policy.distribution(policy.features(observations))",
    "evaluate_actions": (
        "dist = policy.distribution(policy.features(observations)), then "
        "policy.log_prob(dist, actions) and policy.entropy(dist); values are those of "
        "algo.baseline.predict(observations, step_index)"
    ),
    "predict": "algo.predict(observation), or policy.act",
    "forward": "algo.predict(observation), or policy.act",
    "obs_to_tensor": "policy.features(observations)",
    "extract_features": "policy.features(observations)",
    "parameters": _LAYERS,
    "state_dict": _LAYERS,
    "load_state_dict": "policy.theta = …",
    "action_net": _LAYERS,
    "mlp_extractor": _LAYERS,
    "value_net": "algo.baseline",
    "action_dist": "policy.distribution(policy.features(observations))",
    "optimizer": "algo.optimizer of PPO and REINFORCE",
    "device": _CPU,
    "to": _CPU,
    "set_training_mode": "nothing: a policy is the same in training and evaluation",
    "observation_space": "algo.observation_space",
    "action_space": "algo.action_space",
}

# Methods of callbacks elsewhere, and what does their work here.
_STEPS = "on_iteration(record) is called after each iteration; nothing is called after each step"
NOT_A_HOOK = {
    "_on_step": _STEPS,
    "on_step": _STEPS,
    "_on_rollout_start": _STEPS,
    "on_rollout_start": _STEPS,
    "_on_rollout_end": _STEPS,
    "on_rollout_end": _STEPS,
    "_on_training_start": "on_training_start(algo, total_timesteps)",
    "_on_training_end": "on_training_end()",
    "_init_callback": "on_training_start(algo, total_timesteps)",
}

# Attributes of callbacks elsewhere, and what does their work here.
NOT_OF_A_CALLBACK = {
    "model": "self.algo",
    "num_timesteps": "self.algo.num_timesteps, or record['time/total_timesteps']",
    "n_calls": "record['time/iterations'] counts the iterations",
    "training_env": "self.algo.env",
    "logger": (
        "self.algo.log('my/metric', value) adds to the record, which has the metrics; "
        "self.algo.history has all records, and learn(log=…) writes them"
    ),
    "locals": "the record has the metrics",
    "globals": "the record has the metrics",
    "verbose": _NO_PRINT,
    "parent": "callbacks do not know one another: give learn() a list",
}

# Attributes of algorithms elsewhere, and what does their work here.
NOT_AN_ATTRIBUTE = {
    "set_env": "algo.use_env(env)",
    "get_env": "algo.env",
    "get_vec_normalize_env": "normalisation belongs to the policy",
    "get_parameters": "algo.policy.theta",
    "set_parameters": "algo.policy.theta = …",
    "logger": (
        "algo.log('my/metric', value) adds to the record of an iteration; algo.history has the "
        "records, and learn(log=…) writes them"
    ),
    "set_logger": "learn(log=…)",
    "set_random_seed": "the seed is an argument of the algorithm",
    "rollout_buffer": "fastpg.collect returns a Rollout",
    "device": _CPU,
}
