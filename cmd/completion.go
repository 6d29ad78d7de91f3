package cmd

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/language"
	"github.com/imgsearch/imgsearch/models"
)

// completeFlags registers shell completion of flag values, for a command and its subcommands.
func completeFlags(p *cli.Program, c *cobra.Command) {
	fixed := map[string][]string{
		"format":      {"table", "paths", "tsv", "json", "jsonl"},
		"provider":    {"auto", "cpu", "coreml", "cuda", "webgpu"},
		"precision":   {"fp32", "int8"},
		"color":       cli.Colors,
		"log-level":   cli.LogLevels,
		"log-format":  cli.LogFormats,
		"progress":    {"bar", "plain", "json", "none"},
		"orientation": {"landscape", "portrait", "square"},
		"preview":     {"auto", "kitty", "iterm2", "sixel", "blocks", "none"},
		"sort":        {"score", "date", "path"},
		"type":        {"jpg", "png", "webp", "gif", "bmp", "tiff", "heic", "avif", "jxl", "raw"},
		"taken":       {"today", "yesterday", "last week", "last month", "last year", "this year"},
	}
	if c.Name() == "export" {
		fixed["format"] = []string{"jsonl", "npy"}
	}
	for name, values := range fixed {
		if c.Flags().Lookup(name) != nil || c.PersistentFlags().Lookup(name) != nil {
			// It cannot fail: the flag exists and has no function yet.
			_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
		}
	}
	if c.Flags().Lookup("model") != nil {
		_ = c.RegisterFlagCompletionFunc("model", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return modelNames(p.App.Models()), cobra.ShellCompDirectiveDefault // it may also be a folder
		})
	}
	if c.Flags().Lookup("lang") != nil {
		_ = c.RegisterFlagCompletionFunc("lang", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return language.Codes(), cobra.ShellCompDirectiveNoFileComp
		})
	}
	for _, by := range []store.Facet{store.FacetCamera, store.FacetLens, store.FacetKeyword} {
		if name := string(by); c.Flags().Lookup(name) != nil {
			_ = c.RegisterFlagCompletionFunc(name, func(c *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
				return facetValues(c.Context(), p, by, begun), cobra.ShellCompDirectiveNoFileComp
			})
		}
	}
	completeArgs(p, c)
	for _, sub := range c.Commands() {
		completeFlags(p, sub)
	}
}

// completeArgs registers completion of a command's arguments, for the commands listed here.
func completeArgs(p *cli.Program, c *cobra.Command) {
	installed := func(context.Context) []string { return modelNames(p.App.Models()) }
	roots := func(ctx context.Context) []string { return rootPaths(ctx, p) }
	names, ok := map[string]func(context.Context) []string{
		"models use": installed, "models verify": installed, "models calibrate": installed,
		"models rm":   func(ctx context.Context) []string { return installed(ctx)[1:] }, // the built-in model cannot be removed
		"models pull": func(context.Context) []string { return catalogueNames() },
		"roots rm":    roots, "roots move": roots,
	}[cli.CommandName(c)]
	if !ok {
		return
	}
	c.ValidArgsFunction = func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if c.Name() == "move" && len(args) > 0 {
			return nil, cobra.ShellCompDirectiveFilterDirs // the new path
		}
		return names(c.Context()), cobra.ShellCompDirectiveNoFileComp
	}
}

// catalogueNames returns the names of the models that can be downloaded.
func catalogueNames() (names []string) {
	catalogue, err := models.ReadCatalogue()
	if err != nil {
		return nil
	}
	for _, m := range catalogue.Models {
		names = append(names, m.Name)
	}
	return names
}

// rootPaths returns the paths of the index's roots, or nil if there is no index.
func rootPaths(ctx context.Context, p *cli.Program) (paths []string) {
	ix, err := p.App.OpenForReading(ctx)
	if err != nil {
		return nil
	}
	defer ix.Close()
	roots, err := ix.Roots(ctx)
	if err != nil {
		return nil
	}
	for _, r := range roots {
		paths = append(paths, r.Path)
	}
	return paths
}

// facetValues returns the values in the index that contain the text typed so far, most frequent first, or nil if there is no index.
func facetValues(ctx context.Context, p *cli.Program, by store.Facet, begun string) (names []string) {
	ix, err := p.App.OpenForReading(ctx)
	if err != nil {
		return nil
	}
	defer ix.Close()
	counts, err := ix.Facets(ctx, store.Filter{}, by)
	if err != nil {
		return nil
	}
	for _, c := range counts {
		if c.Value != "" && strings.Contains(store.Fold(c.Value), store.Fold(begun)) {
			names = append(names, c.Value)
		}
	}
	return names
}

// modelNames returns the names of the installed models, the built-in one first.
func modelNames(store models.Store) []string {
	names := []string{models.StarterName}
	installed, _ := store.Installed() // if the folder cannot be read, only the built-in model
	return append(names, installed...)
}
