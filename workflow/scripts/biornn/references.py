"""References: the works that a text names, in full."""

from __future__ import annotations

from collections.abc import Iterable

#: By the words that name them in a text, as `Authors year`.
REFERENCES = {
    "Adebayo et al. 2018": "Adebayo J, Gilmer J, Muelly M, Goodfellow I, Hardt M, Kim B. Sanity "
    "checks for saliency maps. Advances in Neural Information Processing Systems 31 (2018).",
    "Akiba et al. 2019": "Akiba T, Sano S, Yanase T, Ohta T, Koyama M. Optuna: a next-generation "
    "hyperparameter optimization framework. Proceedings of the 25th ACM SIGKDD International "
    "Conference on Knowledge Discovery & Data Mining, 2623-2631 (2019).",
    "Anders & Huber 2010": "Anders S, Huber W. Differential expression analysis for sequence count "
    "data. Genome Biology 11:R106 (2010).",
    "Bahdanau et al. 2015": "Bahdanau D, Cho K, Bengio Y. Neural machine translation by jointly "
    "learning to align and translate. International Conference on Learning Representations "
    "(2015). arXiv:1409.0473.",
    "Benjamini & Hochberg 1995": "Benjamini Y, Hochberg Y. Controlling the false discovery rate: a "
    "practical and powerful approach to multiple testing. Journal of the Royal Statistical "
    "Society B 57:289-300 (1995).",
    "Bergstra et al. 2011": "Bergstra J, Bardenet R, Bengio Y, Kégl B. Algorithms for "
    "hyper-parameter optimization. Advances in Neural Information Processing Systems 24 (2011).",
    "Bolstad et al. 2003": "Bolstad BM, Irizarry RA, Åstrand M, Speed TP. A comparison of "
    "normalization methods for high density oligonucleotide array data based on variance and "
    "bias. Bioinformatics 19:185-193 (2003).",
    "Bullard et al. 2010": "Bullard JH, Purdom E, Hansen KD, Dudoit S. Evaluation of statistical "
    "methods for normalization and differential expression in mRNA-Seq experiments. BMC "
    "Bioinformatics 11:94 (2010).",
    "Cho et al. 2014": "Cho K, van Merriënboer B, Gulcehre C, Bahdanau D, Bougares F, Schwenk H, "
    "Bengio Y. Learning phrase representations using RNN encoder-decoder for statistical machine "
    "translation. Proceedings of EMNLP 2014, 1724-1734 (2014).",
    "Cohen 1968": "Cohen J. Weighted kappa: nominal scale agreement with provision for scaled "
    "disagreement or partial credit. Psychological Bulletin 70:213-220 (1968).",
    "DeLong et al. 1988": "DeLong ER, DeLong DM, Clarke-Pearson DL. Comparing the areas under two "
    "or more correlated receiver operating characteristic curves: a nonparametric approach. "
    "Biometrics 44:837-845 (1988).",
    "Efron 1987": "Efron B. Better bootstrap confidence intervals. Journal of the American "
    "Statistical Association 82:171-185 (1987).",
    "Elman 1990": "Elman JL. Finding structure in time. Cognitive Science 14:179-211 (1990).",
    "Fagerland et al. 2013": "Fagerland MW, Lydersen S, Laake P. The McNemar test for binary "
    "matched-pairs data: mid-p and asymptotic are better than exact conditional. BMC Medical "
    "Research Methodology 13:91 (2013).",
    "Feng et al. 2024": "Feng L, Tung F, Ahmed MO, Bengio Y, Hajimirsadeghi H. Were RNNs all we "
    "needed? arXiv:2410.01201 (2024).",
    "Gal & Ghahramani 2016": "Gal Y, Ghahramani Z. A theoretically grounded application of dropout "
    "in recurrent neural networks. Advances in Neural Information Processing Systems 29 (2016).",
    "Gers & Schmidhuber 2000": "Gers FA, Schmidhuber J. Recurrent nets that time and count. "
    "Proceedings of the IEEE-INNS-ENNS International Joint Conference on Neural Networks, "
    "3:189-194 (2000).",
    "Gorodkin 2004": "Gorodkin J. Comparing two K-category assignments by a K-category correlation "
    "coefficient. Computational Biology and Chemistry 28:367-374 (2004).",
    "Guo et al. 2017": "Guo C, Pleiss G, Sun Y, Weinberger KQ. On calibration of modern neural "
    "networks. Proceedings of the 34th International Conference on Machine Learning, PMLR "
    "70:1321-1330 (2017).",
    "Gupta et al. 2007": "Gupta S, Stamatoyannopoulos JA, Bailey TL, Noble WS. Quantifying "
    "similarity between motifs. Genome Biology 8:R24 (2007).",
    "Hochreiter & Schmidhuber 1997": "Hochreiter S, Schmidhuber J. Long short-term memory. Neural "
    "Computation 9:1735-1780 (1997).",
    "Holm 1979": "Holm S. A simple sequentially rejective multiple test procedure. Scandinavian "
    "Journal of Statistics 6:65-70 (1979).",
    "Holmes & Nemenman 2019": "Holmes CM, Nemenman I. Estimation of mutual information for "
    "real-valued data with error bars and controlled bias. Physical Review E 100:022404 (2019).",
    "Huber 1964": "Huber PJ. Robust estimation of a location parameter. Annals of Mathematical "
    "Statistics 35:73-101 (1964).",
    "Kingma & Ba 2015": "Kingma DP, Ba J. Adam: a method for stochastic optimization. "
    "International Conference on Learning Representations (2015). arXiv:1412.6980.",
    "Kraskov et al. 2004": "Kraskov A, Stögbauer H, Grassberger P. Estimating mutual information. "
    "Physical Review E 69:066138 (2004).",
    "Lin 1989": "Lin LI. A concordance correlation coefficient to evaluate reproducibility. "
    "Biometrics 45:255-268 (1989).",
    "Loshchilov & Hutter 2017": "Loshchilov I, Hutter F. SGDR: stochastic gradient descent with "
    "warm restarts. International Conference on Learning Representations (2017). "
    "arXiv:1608.03983.",
    "Loshchilov & Hutter 2019": "Loshchilov I, Hutter F. Decoupled weight decay regularization. "
    "International Conference on Learning Representations (2019). arXiv:1711.05101.",
    "Love et al. 2014": "Love MI, Huber W, Anders S. Moderated estimation of fold change and "
    "dispersion for RNA-seq data with DESeq2. Genome Biology 15:550 (2014).",
    "McCullagh 1980": "McCullagh P. Regression models for ordinal data. Journal of the Royal "
    "Statistical Society B 42:109-142 (1980).",
    "Mölder et al. 2021": "Mölder F, Jablonski KP, Letcher B, Hall MB, Tomkins-Tinch CH, Sochat V, "
    "et al. Sustainable data analysis with Snakemake. F1000Research 10:33 (2021).",
    "Nadeau & Bengio 2003": "Nadeau C, Bengio Y. Inference for the generalization error. Machine "
    "Learning 52:239-281 (2003).",
    "Nix & Weigend 1994": "Nix DA, Weigend AS. Estimating the mean and variance of the target "
    "probability distribution. Proceedings of the 1994 IEEE International Conference on Neural "
    "Networks, 1:55-60 (1994).",
    "Obuchowski 1997": "Obuchowski NA. Nonparametric analysis of clustered ROC curve data. "
    "Biometrics 53:567-578 (1997).",
    "Pascanu et al. 2013": "Pascanu R, Mikolov T, Bengio Y. On the difficulty of training "
    "recurrent neural networks. Proceedings of the 30th International Conference on Machine "
    "Learning, PMLR 28(3):1310-1318 (2013).",
    "Paszke et al. 2019": "Paszke A, Gross S, Massa F, Lerer A, Bradbury J, Chanan G, et al. "
    "PyTorch: an imperative style, high-performance deep learning library. Advances in Neural "
    "Information Processing Systems 32 (2019).",
    "Pedregosa et al. 2011": "Pedregosa F, Varoquaux G, Gramfort A, Michel V, Thirion B, Grisel O, "
    "et al. Scikit-learn: machine learning in Python. Journal of Machine Learning Research "
    "12:2825-2830 (2011).",
    "Quang & Xie 2016": "Quang D, Xie X. DanQ: a hybrid convolutional and recurrent deep neural "
    "network for quantifying the function of DNA sequences. Nucleic Acids Research 44:e107 "
    "(2016).",
    "Robinson & Oshlack 2010": "Robinson MD, Oshlack A. A scaling normalization method for "
    "differential expression analysis of RNA-seq data. Genome Biology 11:R25 (2010).",
    "Saxe et al. 2014": "Saxe AM, McClelland JL, Ganguli S. Exact solutions to the nonlinear "
    "dynamics of learning in deep linear neural networks. International Conference on Learning "
    "Representations (2014). arXiv:1312.6120.",
    "Smith 2018": "Smith LN. A disciplined approach to neural network hyper-parameters: part 1 - "
    "learning rate, batch size, momentum, and weight decay. arXiv:1803.09820 (2018).",
    "Steinegger & Söding 2017": "Steinegger M, Söding J. MMseqs2 enables sensitive protein "
    "sequence searching for the analysis of massive data sets. Nature Biotechnology "
    "35:1026-1028 (2017).",
    "Subramanian et al. 2005": "Subramanian A, Tamayo P, Mootha VK, Mukherjee S, Ebert BL, "
    "Gillette MA, et al. Gene set enrichment analysis: a knowledge-based approach for interpreting "
    "genome-wide expression profiles. Proceedings of the National Academy of Sciences "
    "102:15545-15550 (2005).",
    "Sundararajan et al. 2017": "Sundararajan M, Taly A, Yan Q. Axiomatic attribution for deep "
    "networks. Proceedings of the 34th International Conference on Machine Learning, PMLR "
    "70:3319-3328 (2017).",
    "Szegedy et al. 2016": "Szegedy C, Vanhoucke V, Ioffe S, Shlens J, Wojna Z. Rethinking the "
    "Inception architecture for computer vision. Proceedings of the IEEE Conference on Computer "
    "Vision and Pattern Recognition, 2818-2826 (2016).",
    "Troyanskaya et al. 2001": "Troyanskaya O, Cantor M, Sherlock G, Brown P, Hastie T, Tibshirani "
    "R, Botstein D, Altman RB. Missing value estimation methods for DNA microarrays. "
    "Bioinformatics 17:520-525 (2001).",
    "Vaswani et al. 2017": "Vaswani A, Shazeer N, Parmar N, Uszkoreit J, Jones L, Gomez AN, Kaiser "
    "Ł, Polosukhin I. Attention is all you need. Advances in Neural Information Processing "
    "Systems 30 (2017).",
}


def cited(text: str, own: Iterable[str] = ()) -> list[str]:
    """Full references of the works that a text names, and others, in alphabetical order.

    Parameters
    ----------
    text
        With works as `Authors year`, such as `Holm 1979`.
    own
        References that are wanted whatever the text names, such as those of the data.
    """
    found = [reference for name, reference in REFERENCES.items() if name in text]
    # a work that the analysis names too is told once, in the words of the analysis
    named = list(dict.fromkeys(own))
    found = [each for each in found if not any(_same(each, other) for other in named)]
    return sorted([*found, *named], key=str.casefold)


def _same(one: str, other: str) -> bool:
    """Whether two references begin alike: the same first author, and the same title."""

    def key(reference: str) -> tuple[str, str]:
        authors, _, rest = reference.partition(". ")
        return authors.split(" ")[0].casefold(), rest.partition(". ")[0].strip("? ").casefold()

    return key(one) == key(other)
