"""What goes wrong, and the tests that show what the user gets; one row a promise."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

# Failure: tests, by file and name.
FAULTS = {
    # -- downloads --
    "a download is cut off": [
        "unit/test_transfer.py::test_a_cut_transfer_goes_on_where_it_stopped",
        "unit/test_transfer.py::test_what_can_not_be_continued_begins_again",
        "unit/test_transfer.py::test_a_server_that_always_cuts",
        "unit/test_sources.py::test_a_later_run_goes_on_where_the_last_one_was_cut_off",
        "unit/test_sources.py::test_a_failed_download_leaves_nothing",
    ],
    "an error page or HTML is served as data": [
        "unit/test_transfer.py::test_a_web_page_is_not_data",
        "unit/test_transfer.py::test_a_refusal_names_address_status_and_what_came",
    ],
    "429 and 503": [
        "unit/test_transfer.py::test_a_busy_server_is_given_the_time_it_asks_for",
        "unit/test_transfer.py::test_a_date_to_come_back_at_is_capped",
        "unit/test_transfer.py::test_pauses_grow_where_the_server_names_none",
    ],
    "redirects": ["unit/test_transfer.py::test_redirects"],
    "a password in an address": ["unit/test_origins.py::test_passwords_are_not_shown"],
    "no network": [
        "unit/test_sources.py::test_no_network_says_so_and_how_to_go_on",
        "workflow/test_bad_input.py::test_no_network",
    ],
    "nodes without a network": [
        "unit/test_sources.py::test_offline_asks_no_server",
        "workflow/test_run.py::test_fetch_and_then_a_run_without_a_network",
        "workflow/test_offline.py::test_fetch_then_a_run_in_a_namespace_without_a_route",
    ],
    "a mirror that is stale, or lacks a file": [
        "unit/test_sources.py::test_a_mirror_with_other_content_is_not_believed",
        "unit/test_sources.py::test_what_a_mirror_does_not_have_comes_from_the_origin",
    ],
    "records that are gone, withdrawn, replaced, or of another version": [
        "unit/test_ncbi.py::test_missing_accessions_can_be_dropped",
        "unit/test_ncbi.py::test_records_that_were_withdrawn_are_named",
        "unit/test_ncbi.py::test_a_record_that_another_replaced_is_named_with_it",
        "unit/test_ncbi.py::test_another_version_is_not_taken_for_the_one_asked_for",
        "unit/test_databases.py::test_missing_entries_and_versions_of_uniprot",
        "unit/test_databases.py::test_missing_ids_of_ensembl",
    ],
    "a search that would be another than the one asked for": [
        "unit/test_ncbi.py::test_words_that_a_search_does_not_know_are_not_ignored",
        "unit/test_ncbi.py::test_a_query_that_does_not_add_up",
        "unit/test_databases.py::test_totals_must_be_what_came",
    ],
    "a database that changes under the same accessions": [
        "workflow/test_accessions.py::test_lock_then_fetch_then_a_run_without_a_network"
    ],
    "more requests than a server allows": [
        "unit/test_services.py::test_no_second_has_more_requests_than_it_may",
        "unit/test_services.py::test_two_processes_share_a_pace",
        "unit/test_services.py::test_a_count_that_is_used_up_stops_all_processes",
    ],
    "an API key in a log or a message": ["unit/test_ncbi.py::test_keys_are_sent_and_never_shown"],
    "two runs download one file": [
        "unit/test_sources.py::test_two_processes_do_not_mix_their_bytes"
    ],
    "a truncated gzip, tar or wheel": [
        "unit/test_archives.py::test_truncated_files",
        "unit/test_archives.py::test_a_truncated_tar",
        "unit/test_archives.py::test_a_truncated_wheel",
    ],
    "a checksum that does not match": [
        "unit/test_sources.py::test_a_failed_download_leaves_nothing",
        "unit/test_tables.py::test_a_member_that_is_another_is_refused",
        "workflow/test_bad_input.py::test_a_checksum_that_does_not_match",
    ],
    "bombs, and names that climb out": [
        "unit/test_archives.py::test_bombs",
        "unit/test_archives.py::test_a_bomb_in_a_zip",
        "unit/test_archives.py::test_too_many_members",
        "unit/test_archives.py::test_a_hostile_member_name_writes_nothing",
        "unit/test_archives.py::test_a_link_in_a_tar_leads_nowhere",
        "unit/test_sources.py::test_an_address_can_not_climb_out_of_a_mirror",
    ],
    "a package that would run code": [
        "unit/test_sources.py::test_a_wheel_is_fetched_without_running_it",
        "unit/test_packages.py::test_it_is_found_on_the_pages_of_the_index",
    ],
    "a disk that is full, or a kill while writing": [
        "unit/test_files.py::test_a_failed_write_leaves_the_old_file_and_no_litter"
    ],
    # -- input --
    "duplicate ids": ["unit/test_examples.py::test_a_bad_record_is_named"],
    "an empty file": [
        "unit/test_examples.py::test_an_empty_table",
        "unit/test_tables.py::test_what_is_wrong_is_named",
    ],
    "a file that is cut off": [
        "unit/test_tables.py::test_what_is_wrong_is_named",
        "unit/test_tables.py::test_damaged_files",
        "workflow/test_bad_input.py::test_a_table_that_was_cut_off",
    ],
    "illegal residues and ambiguity codes": [
        "unit/test_examples.py::test_a_bad_record_is_named",
        "unit/test_examples.py::test_ambiguity_codes_can_be_allowed",
        "unit/test_examples.py::test_dropped_records_are_listed_and_leave_the_rows_in_step",
    ],
    "lower case and white space": [
        "unit/test_examples.py::test_lower_case_is_changed_and_said",
        "unit/test_letters.py::test_white_space_is_taken_out_and_said",
    ],
    "stops and gaps": [
        "unit/test_examples.py::test_gaps_and_stops_are_taken_out_where_asked",
        "unit/test_letters.py::test_labels_stay_under_their_letters",
    ],
    "Windows line ends, a byte order mark, no final newline": [
        "unit/test_examples.py::test_the_ways_to_write_a_table"
    ],
    "lengths outside the limits": [
        "unit/test_examples.py::test_sequences_of_other_lengths_are_dropped_and_said",
        "unit/test_examples.py::test_sequences_that_are_too_long_are_cropped_on_the_named_side",
    ],
    "repeats, and repeats with another target": [
        "unit/test_examples.py::test_duplicates",
        "unit/test_examples.py::test_copies_with_different_targets_are_counted",
    ],
    "missing targets": ["unit/test_examples.py::test_missing_targets_are_dropped_where_asked"],
    "a class that is too small, unknown or alone": [
        "unit/test_targets.py::test_small_classes_are_dropped_where_asked",
        "unit/test_targets.py::test_what_is_refused",
    ],
    "labels that do not fit their positions": [
        "unit/test_targets.py::test_labels_that_do_not_fit_are_named",
        "unit/test_reading.py::test_a_mask_of_another_length_is_named",
    ],
    "records without a partner in another file": [
        "unit/test_reading.py::test_records_without_a_partner",
        "unit/test_reading.py::test_an_id_that_is_there_twice_can_not_be_joined",
    ],
    "counts that are negative or broken": ["unit/test_examples.py::test_a_bad_count_is_named"],
    "NaN, negative or broken values in a matrix": [
        "unit/test_matrices.py::test_wrong_values_are_named_by_line_gene_and_sample"
    ],
    "duplicated genes or samples": ["unit/test_matrices.py::test_names_must_be_there_once"],
    "an all-zero sample": ["unit/test_matrices.py::test_an_all_zero_sample_is_refused"],
    "samples of matrix and sheet differ": [
        "unit/test_joining.py::test_both_differences_are_told_with_counts",
        "unit/test_joining.py::test_near_misses",
        "unit/test_profiles.py::test_a_sheet_with_other_samples",
    ],
    "a matrix file that is damaged": [
        "unit/test_matrix_files.py::test_damaged_mtx",
        "unit/test_geo_series.py::test_damaged_series",
    ],
    "001, NA, no and 1e-3": [
        "unit/test_examples.py::test_text_stays_text",
        "unit/test_files.py::test_scalars_mean_what_a_person_reads",
    ],
    "a key that is there twice": [
        "unit/test_files.py::test_a_key_given_twice_is_refused_with_both_lines"
    ],
    "a typo in the config": [
        "unit/test_config.py::test_a_mistyped_key_names_the_nearest_key_the_file_and_the_line",
        "unit/test_config.py::test_all_problems_are_listed_at_once",
        "workflow/test_bad_input.py::test_a_mistake_is_named",
    ],
    "a column that is not there": ["unit/test_examples.py::test_a_bad_record_is_named"],
    "leakage": [
        "unit/test_audits.py::test_neighbors_equal_the_plain_loop",
        "unit/test_audits.py::test_the_nearest_equals_the_plain_loop",
        "unit/test_findings.py::test_the_headline_of_the_audit",
        "unit/test_normalizers.py::test_no_other_row_reaches_the_fitted_normaliser",
    ],
    # -- training --
    "a kill -9 in the middle of a training": [
        "unit/test_training.py::test_a_killed_training_goes_on_bitwise",
        "unit/test_tuning.py::test_a_killed_worker_goes_on",
    ],
    "SIGTERM and SIGUSR1": [
        "unit/test_training.py::test_a_signal_leaves_a_checkpoint_that_goes_on_bitwise",
        "unit/test_checkpoints.py::test_a_signal_asks_and_does_not_kill",
        "workflow/test_interrupted.py::"
        "test_a_training_that_is_told_to_stop_goes_on_when_the_command_is_given_again",
    ],
    "processes of a run are killed at random": ["workflow/test_kills.py::test_twenty_random_kills"],
    "two runs in one directory, and a lock that a kill has left": [
        "workflow/test_interrupted.py::test_two_runs_in_one_directory_and_a_lock_that_is_left"
    ],
    "a cluster that requeues, stops and times out jobs, and a node that dies": [
        "cluster/test_slurm.py::test_short",
        "cluster/test_slurm.py::test_four_models_three_seeds_two_folds",
        "unit/test_demands.py::test_more_data_and_another_attempt_ask_for_more",
    ],
    "a training on several nodes": [
        "cluster/test_two_nodes.py::test_two_nodes_with_gloo",
        "unit/test_nodes.py::test_the_processes_are_waited_for_while_the_lock_is_held",
        "unit/test_nodes.py::test_outside_of_slurm_it_is_said",
        "unit/test_checkpoints.py::test_a_process_that_does_not_ask_lets_signals_pass",
    ],
    "a GPU that is not there, or can't be used": [
        "unit/test_devices.py::test_a_gpu_that_is_not_there_is_refused_when_asked_for",
        "unit/test_devices.py::test_a_gpu_that_was_given_and_can_not_be_used_is_named",
    ],
    "a checkpoint that is damaged, or of other data": [
        "unit/test_training.py::test_a_checkpoint_that_can_not_be_trusted_is_left_alone",
        "unit/test_checkpoints.py::test_of_another_training_or_damaged",
    ],
    "the old job is still alive": [
        "unit/test_checkpoints.py::test_two_jobs_can_not_write_one_checkpoint",
        "unit/test_checkpoints.py::"
        "test_a_dead_job_on_another_node_is_waited_for_and_a_living_one_not_disturbed",
    ],
    "denormal numbers as gradients vanish": ["unit/test_devices.py::test_denormals_are_flushed"],
    "another number of threads": [
        "unit/test_native.py::test_bitwise_the_same_for_any_number_of_threads_and_again",
        "workflow/test_run.py::test_the_same_digits_whatever_the_cores",
    ],
    "not enough memory of a GPU": [
        "unit/test_learning.py::test_without_memory_the_batch_is_halved_until_it_fits",
        "unit/test_learning.py::test_a_single_example_that_does_not_fit_is_an_error",
        "unit/test_learning.py::test_a_batch_in_parts_gives_the_same_gradients",
    ],
    "a loss that is no number": [
        "unit/test_training.py::test_a_loss_that_is_no_number_stops_with_advice"
    ],
    "no compiler, or one that fails": [
        "unit/test_native.py::test_without_a_compiler_torch_does_it",
        "unit/test_compiling.py::test_what_the_compiler_says_is_told_and_nothing_is_left",
    ],
    "a model or checkpoint that carries code": ["unit/test_checkpoints.py::test_code_is_not_run"],
    "an error in one of several processes": [
        "unit/test_devices.py::test_an_error_of_another_process_is_told_as_it_is"
    ],
    "a search that sees the test set": ["unit/test_tuning.py::test_the_test_examples_are_not_seen"],
    "a trial that always dies": ["unit/test_tuning.py::test_a_trial_that_always_dies_is_given_up"],
    "hostile values": [
        "workflow/test_bad_input.py::test_hostile_values_reach_no_shell_and_no_path",
        "unit/test_examples.py::test_every_id_is_safe_and_unique",
        "unit/test_report.py::test_hostile_text_stays_text",
    ],
}


@pytest.mark.parametrize(("fault", "tests"), FAULTS.items(), ids=FAULTS)
def test_every_promise_has_its_tests(fault, tests):
    for test in tests:
        file, name = test.split("::")
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, test
