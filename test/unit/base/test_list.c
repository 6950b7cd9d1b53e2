/* Lists: order, double removal, walking while removing, splicing. */
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct item {
	int value;
	struct list link;
};

static struct item items[8];

static int setup(void **state)
{
	for (int i = 0; i < 8; i++) {
		items[i].value = i;
		list_init(&items[i].link);
	}
	return 0;
}

/* The values in order as decimal digits; walked both ways. */
static int digits(struct list *head)
{
	int forward = 0, backward = 0, power = 1;

	LIST_EACH (node, head)
		forward = forward * 10 + CONTAINER_OF(node, struct item, link)->value;
	for (struct list *node = head->prev; node != head; node = node->prev, power *= 10)
		backward += power * CONTAINER_OF(node, struct item, link)->value;
	assert_int_equal(forward, backward);
	return forward;
}

static void a_new_list_is_empty_and_a_new_node_unlinked(void **state)
{
	struct list head;

	list_init(&head);
	assert_true(list_is_empty(&head));
	assert_false(list_is_linked(&items[0].link));
	assert_null(list_pop(&head));
	assert_int_equal(digits(&head), 0);
}

static void nodes_come_out_in_the_order_they_went_in(void **state)
{
	struct list head;

	list_init(&head);
	list_append(&head, &items[2].link);
	list_append(&head, &items[3].link);
	list_prepend(&head, &items[1].link);
	assert_int_equal(digits(&head), 123);
	assert_true(list_is_linked(&items[1].link));
	assert_ptr_equal(list_pop(&head), &items[1].link);
	assert_false(list_is_linked(&items[1].link));
	assert_int_equal(digits(&head), 23);
}

static void prepending_to_an_empty_list_works(void **state)
{
	struct list head;

	list_init(&head);
	list_prepend(&head, &items[1].link);
	assert_int_equal(digits(&head), 1);
	assert_false(list_is_empty(&head));
}

static void removing_twice_does_no_harm(void **state)
{
	struct list head;

	list_init(&head);
	for (int i = 1; i < 4; i++)
		list_append(&head, &items[i].link);
	list_remove(&items[2].link);
	list_remove(&items[2].link);
	assert_int_equal(digits(&head), 13);
	list_remove(&items[1].link);
	list_remove(&items[3].link);
	assert_true(list_is_empty(&head));
}

static void a_walk_may_remove_the_current_node(void **state)
{
	struct list head;

	list_init(&head);
	for (int i = 1; i < 7; i++)
		list_append(&head, &items[i].link);
	LIST_EACH_SAFE (node, &head) {
		if (CONTAINER_OF(node, struct item, link)->value % 2)
			list_remove(node);
	}
	assert_int_equal(digits(&head), 246);
	LIST_EACH_SAFE (node, &head)
		list_remove(node);
	assert_true(list_is_empty(&head));
}

static void splicing_moves_all_nodes_to_the_end(void **state)
{
	struct list to, from;

	list_init(&to);
	list_init(&from);
	list_splice(&to, &from);
	assert_true(list_is_empty(&to));
	list_append(&from, &items[1].link);
	list_append(&from, &items[2].link);
	list_splice(&to, &from);
	assert_int_equal(digits(&to), 12);
	assert_true(list_is_empty(&from));
	list_append(&from, &items[3].link);
	list_splice(&to, &from);
	assert_int_equal(digits(&to), 123);
	list_splice(&to, &from);
	assert_int_equal(digits(&to), 123);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_new_list_is_empty_and_a_new_node_unlinked, setup),
		cmocka_unit_test_setup(nodes_come_out_in_the_order_they_went_in, setup),
		cmocka_unit_test_setup(prepending_to_an_empty_list_works, setup),
		cmocka_unit_test_setup(removing_twice_does_no_harm, setup),
		cmocka_unit_test_setup(a_walk_may_remove_the_current_node, setup),
		cmocka_unit_test_setup(splicing_moves_all_nodes_to_the_end, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
