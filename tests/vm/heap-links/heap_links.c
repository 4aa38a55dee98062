// SPDX-License-Identifier: GPL-2.0
/*
 * Links a device to heaps in sysfs, as was proposed in 2023 and as no kernel does: with one heap a link
 * `dma_heap`, with several a directory `dma_heap` of links.
 *
 *	insmod heap_links.ko on=vivid.0 heaps=system
 *
 * Heaps that the kernel does not have are entered in its class, without a device node, until the
 * module is removed. A driver would link before it registers the device's nodes; here they are announced
 * once more, after each change.
 */

#include <linux/device.h>
#include <linux/fs.h>
#include <linux/kernfs.h>
#include <linux/magic.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/platform_device.h>

#define HEAPS_MAX 8

/* A platform device, or `platform` for the one above them. */
static char *on;
module_param(on, charp, 0444);

/* By name. */
static char *heaps[HEAPS_MAX];
static int count;
module_param_array(heaps, charp, &count, 0444);

static struct device *device;
static struct kobject *directory;
static struct kobject *linked[HEAPS_MAX];
static struct device *entered[HEAPS_MAX];

/* The class of heaps is nobody's but the core's; what can be had is a heap's directory. */
static struct kobject *find_heap(const char *name)
{
	struct kobject *heap = NULL;
	struct path path;
	char *text = kasprintf(GFP_KERNEL, "/sys/devices/virtual/dma_heap/%s", name);

	if (!text)
		return NULL;
	if (!kern_path(text, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path)) {
		if (path.dentry->d_sb->s_magic == SYSFS_MAGIC) {
			struct kernfs_node *node = d_inode(path.dentry)->i_private;

			heap = kobject_get(node->priv);
		}
		path_put(&path);
	}
	kfree(text);
	return heap;
}

static struct kobject *enter_heap(int at)
{
	struct kobject *system = find_heap("system");
	struct device *heap;

	if (!system)
		return NULL;
	heap = device_create(kobj_to_dev(system)->class, NULL, MKDEV(0, 0), NULL, "%s", heaps[at]);
	kobject_put(system);
	if (IS_ERR(heap))
		return NULL;
	entered[at] = heap;
	return kobject_get(&heap->kobj);
}

static struct device *find_device(void)
{
	if (on && !strcmp(on, "platform"))
		return get_device(&platform_bus);
	return on ? bus_find_device_by_name(&platform_bus_type, NULL, on) : NULL;
}

static int announce(struct device *node, void *unused)
{
	kobject_uevent(&node->kobj, KOBJ_CHANGE);
	return 0;
}

static void undo(void)
{
	int at;

	if (directory)
		kobject_put(directory);
	else if (linked[0])
		sysfs_remove_link(&device->kobj, "dma_heap");
	for (at = 0; at < count; at++) {
		kobject_put(linked[at]);
		if (entered[at])
			device_unregister(entered[at]);
	}
	device_for_each_child(device, NULL, announce);
	put_device(device);
}

static int link_heap(int at)
{
	struct kobject *heap = find_heap(heaps[at]) ?: enter_heap(at);
	int error;

	if (!heap)
		return -ENOENT;
	error = sysfs_create_link(directory ?: &device->kobj, heap, directory ? heaps[at] : "dma_heap");
	if (error)
		kobject_put(heap);
	else
		linked[at] = heap;
	return error;
}

static int __init heap_links_init(void)
{
	int at, error = 0;

	device = find_device();
	if (!device)
		return -ENODEV;
	if (count > 1) {
		directory = kobject_create_and_add("dma_heap", &device->kobj);
		error = directory ? 0 : -ENOMEM;
	}
	for (at = 0; at < count && !error; at++)
		error = link_heap(at);
	if (error) {
		undo();
		return error;
	}
	return device_for_each_child(device, NULL, announce);
}

static void __exit heap_links_exit(void)
{
	undo();
}

module_init(heap_links_init);
module_exit(heap_links_exit);
MODULE_DESCRIPTION("sysfs links from a device to its dma-buf heaps");
MODULE_LICENSE("GPL");
